//! Every reader, and the parameter transforms, on mutants of valid files: no panic, no memory out of
//! proportion to the file's length, one line that says what is wrong.
//!
//! The same mutants are tried every time. `STARBURN_FUZZ_SECONDS` goes on for so long with each target,
//! `STARBURN_FUZZ_TARGET` chooses one, `STARBURN_FUZZ_SEED` other mutants.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use starburn::fuzz::{TARGETS, run};

#[path = "mutations/seeds.rs"]
mod seeds;

/// Mutants of each target that are always tried.
const MUTANTS: usize = 10_000;
/// Longest mutant \[bytes\].
const LONGEST: usize = 1 << 16;

/// Counts the memory in use, and the most of it.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn taken(n: usize) {
    let now = IN_USE.fetch_add(n, Relaxed) + n;
    MOST.fetch_max(now, Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most memory that reading `n` bytes may take: files of numbers may be packed a thousand to one, and
/// several forms of them are held at once.
fn allowed(n: usize) -> usize {
    (64 << 20) + 8192 * n
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// Part of a file, mostly a short one.
    fn range(&mut self, n: usize) -> (usize, usize) {
        let start = self.below(n + 1);
        let most = if self.below(4) == 0 { n } else { 32 };
        (start, start + self.below((n - start).min(most) + 1))
    }
}

/// Numbers that are likely to be the wrong ones.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
    0x7ff0_0000_0000_0000,
    1 << 40,
];
const TEXTS: [&str; 14] = [
    "18446744073709551615",
    "-1",
    "1e999",
    "nan",
    "inf",
    "0",
    "\"",
    "\n",
    ",",
    "[[",
    "{",
    "F32",
    "U8",
    "999999999999",
];

fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let n = bytes.len();
    match dice.below(9) {
        0 => bytes.truncate(dice.below(n + 1)),
        1 | 2 if n > 0 => {
            for _ in 0..=dice.below(4) {
                let i = dice.below(n);
                bytes[i] ^= 1 << dice.below(8);
            }
        }
        3 if n > 0 => {
            let i = dice.below(n);
            bytes[i] = dice.roll() as u8;
        }
        // A binary number of 1 to 8 bytes becomes another one.
        4 | 5 if n > 0 => {
            let width = 1 << dice.below(4);
            let number = NUMBERS[dice.below(NUMBERS.len())].to_le_bytes();
            let start = dice.below(n);
            let end = n.min(start + width);
            bytes[start..end].copy_from_slice(&number[..end - start]);
        }
        // A number in a text becomes another one, or anything else.
        6 => {
            let digits: Vec<usize> = (0..n).filter(|i| bytes[*i].is_ascii_digit()).collect();
            let start = if digits.is_empty() { 0 } else { digits[dice.below(digits.len())] };
            let length = bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
            let text = TEXTS[dice.below(TEXTS.len())].bytes();
            bytes.splice(start..start + length, text);
        }
        // A block again, elsewhere.
        7 => {
            let (start, end) = dice.range(n);
            let block = bytes[start..end].to_vec();
            let to = dice.below(n + 1);
            bytes.splice(to..to, block);
        }
        // A block of another seed instead of one of this.
        _ => {
            let (start, end) = dice.range(n);
            let (from, to) = dice.range(other.len());
            bytes.splice(start..end, other[from..to].iter().copied());
        }
    }
    bytes.truncate(LONGEST);
}

fn seeds_of(target: &str) -> Vec<Vec<u8>> {
    let folder = folder().join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Keeps an input for whoever wants to know why.
fn kept(target: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("starburn-{target}.bin"));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn mutants_are_read_or_refused() {
    let only = std::env::var("STARBURN_FUZZ_TARGET").ok();
    let seconds = number("STARBURN_FUZZ_SECONDS").map(Duration::from_secs);
    let first = number("STARBURN_FUZZ_SEED").unwrap_or(0);
    for target in TARGETS.iter().filter(|t| only.as_ref().is_none_or(|name| name == t.name)) {
        let seeds = seeds_of(target.name);
        for seed in &seeds {
            // Also makes what is made once.
            (target.read)(seed)
                .unwrap_or_else(|error| panic!("a seed of {}: {error}", target.name));
        }
        let mut dice = Dice(first);
        let start = Instant::now();
        let (mut n, mut n_read, mut largest) = (0, 0, 0);
        while seconds.map_or(n < MUTANTS, |seconds| start.elapsed() < seconds) {
            let mut bytes = seeds[dice.below(seeds.len())].clone();
            let other = dice.below(seeds.len());
            for _ in 0..=dice.below(3) {
                mutate(&mut bytes, &seeds[other], &mut dice);
            }
            let before = IN_USE.load(Relaxed);
            MOST.store(before, Relaxed);
            let outcome = catch_unwind(AssertUnwindSafe(|| run(target.name, &bytes)));
            let most = MOST.load(Relaxed).saturating_sub(before);
            let Ok(read) = outcome else {
                panic!("{}: see {}", target.name, kept(target.name, &bytes).display());
            };
            n_read += usize::from(read);
            assert!(
                most <= allowed(bytes.len()),
                "{}: {most} bytes in use for {} bytes of {}",
                target.name,
                bytes.len(),
                kept(target.name, &bytes).display()
            );
            largest = largest.max(most);
            n += 1;
        }
        eprintln!(
            "{}: {n} mutants in {:.1} s, {n_read} read, at most {largest} bytes in use",
            target.name,
            start.elapsed().as_secs_f64()
        );
    }
}

#[test]
#[ignore = "writes the files in fuzz/seeds"]
fn write_seeds() {
    for (target, name, bytes) in seeds::all() {
        let folder = folder().join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}
