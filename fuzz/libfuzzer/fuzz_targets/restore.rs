//! libFuzzer's way into [`graven_fuzz::restore::run`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| graven_fuzz::restore::run(input));
