//! libFuzzer's way into [`graven_fuzz::compact::run_zipmap`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| graven_fuzz::compact::run_zipmap(input));
