//! libFuzzer's way into [`graven_fuzz::compact::run_listpack`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| graven_fuzz::compact::run_listpack(input));
