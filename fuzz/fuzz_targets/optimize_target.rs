#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    starburn::fuzz::run("optimize_target", bytes);
});
