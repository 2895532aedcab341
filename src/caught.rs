//! Panics of libraries that are fed with somebody's files.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`caught`].
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, which may panic without a word on the terminal.
///
/// # Errors
/// The message of the panic in one line.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |facts| {
            // A thread that is ending has no say any more, and no reason to be quiet.
            if !INSIDE.try_with(Cell::get).unwrap_or(false) {
                usual(facts);
            }
        }));
    });
    let outer = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    outcome.map_err(|words| last_words(&*words).replace('\n', " "))
}

/// The message of a panic.
pub(crate) fn last_words(words: &(dyn Any + Send)) -> String {
    let text = words.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| words.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_in_one_line() {
        assert_eq!(caught(|| 3), Ok(3));
        assert_eq!(
            caught(|| -> i32 { panic!("two\nlines of {}", 7) }),
            Err("two lines of 7".into())
        );
        // Inside another one, and afterwards the thread speaks again.
        let nested = caught(|| caught(|| -> i32 { panic!("inner") }));
        assert_eq!(nested, Ok(Err("inner".into())));
        assert!(!INSIDE.get());
    }
}
