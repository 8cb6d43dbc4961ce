//! libFuzzer's way into [`graven_fuzz::config::run`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| graven_fuzz::config::run(input));
