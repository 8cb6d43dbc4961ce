//! libFuzzer's way into [`graven_fuzz::segment::run_manifest`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| graven_fuzz::segment::run_manifest(input));
