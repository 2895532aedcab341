#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    starburn::fuzz::run("ssp_hdf5", bytes);
});
