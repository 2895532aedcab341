//! Worker threads that take tasks as they come and give results in the order of the tasks.
//!
//! Plain threads, not those of a pool that tensor operations use as well: a reverse pass that waits
//! for such an operation could there be handed another reverse pass, and both would wait for good.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::caught::last_words;
use crate::{Error, Result};

/// Tasks under way or waiting, per worker: one at work and one so that it need not wait.
const TASKS_PER_WORKER: usize = 2;

/// A task and where its result goes.
type Ticket<T, R> = (T, SyncSender<Result<R>>);

/// Does `work` on every task by the `workers`, a thread each, and hands the results to `take` on this
/// thread, in the order of the tasks. Tasks are made when there is room for them, so that memory does
/// not grow with their number.
///
/// # Errors
/// The first error in the order of the tasks, be it of `tasks`, `work` or `take`; [`Error::Worker`]
/// when `work` panics.
pub(super) fn in_order<W: Send, T: Send, R: Send>(
    workers: Vec<W>,
    tasks: impl Iterator<Item = Result<T>>,
    work: impl Fn(&W, T) -> Result<R> + Sync,
    mut take: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let most = TASKS_PER_WORKER * workers.len();
    let work = &work;
    thread::scope(|scope| {
        let (queue, waiting) = channel::<Ticket<T, R>>();
        let waiting = Arc::new(Mutex::new(waiting));
        for worker in workers {
            let waiting = Arc::clone(&waiting);
            scope.spawn(move || serve(&waiting, |task| work(&worker, task)));
        }
        drop(waiting);
        let mut under_way = VecDeque::new();
        for task in tasks {
            if under_way.len() >= most {
                next(&mut under_way)?.map_or(Ok(()), &mut take)?;
            }
            let (answer, result) = sync_channel(1);
            let ticket = match task {
                Ok(task) => (task, answer),
                // Results that come before the error are still wanted.
                Err(error) => {
                    while let Some(result) = next(&mut under_way)? {
                        take(result)?;
                    }
                    return Err(error);
                }
            };
            queue.send(ticket).map_err(|_| gone())?;
            under_way.push_back(result);
        }
        while let Some(result) = next(&mut under_way)? {
            take(result)?;
        }
        Ok(())
    })
}

/// Works on tickets until there will be no more.
fn serve<T, R>(waiting: &Mutex<Receiver<Ticket<T, R>>>, work: impl Fn(T) -> Result<R>) {
    loop {
        let ticket = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((task, answer)) = ticket else { return };
        let result = catch_unwind(AssertUnwindSafe(|| work(task)))
            .unwrap_or_else(|words| Err(Error::Worker { reason: last_words(&*words) }));
        // Nobody waits for it after an earlier error.
        if answer.send(result).is_err() {
            return;
        }
    }
}

/// The oldest result under way.
fn next<R>(under_way: &mut VecDeque<Receiver<Result<R>>>) -> Result<Option<R>> {
    match under_way.pop_front() {
        Some(result) => result.recv().unwrap_or_else(|_| Err(gone())).map(Some),
        None => Ok(None),
    }
}

fn gone() -> Error {
    Error::Worker { reason: "it has gone without an answer".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Squares of the numbers below `n`; one worker is slow, so that later tasks end earlier.
    fn squares(
        n: u64,
        n_worker: u64,
        wrong: impl Fn(u64) -> Result<()> + Sync,
    ) -> (Vec<u64>, Result<()>) {
        let mut taken = Vec::new();
        let outcome = in_order(
            (0..n_worker).collect(),
            (0..n).map(Ok),
            |worker, task| {
                thread::sleep(Duration::from_micros(if *worker == 0 { 300 } else { 10 }));
                wrong(task).map(|()| task * task)
            },
            |square| {
                taken.push(square);
                Ok(())
            },
        );
        (taken, outcome)
    }

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        for n_worker in [1, 2, 7] {
            for n in [0, 1, 3, 200] {
                let (taken, outcome) = squares(n, n_worker, |_| Ok(()));
                outcome.unwrap();
                assert_eq!(taken, (0..n).map(|i| i * i).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_first_error_ends_the_work_after_the_results_before_it() {
        for n_worker in [1, 3] {
            let wrong = |task| match task {
                20 | 22 => Err(Error::invalid(format!("task {task}"), "is wrong")),
                _ => Ok(()),
            };
            let (taken, outcome) = squares(100, n_worker, wrong);
            assert_eq!(taken.len(), 20);
            assert!(outcome.unwrap_err().to_string().contains("task 20"));
        }
    }

    #[test]
    fn a_panic_is_an_error() {
        let wrong = |task: u64| match task {
            5 => panic!("number {task}"),
            _ => Ok(()),
        };
        let (taken, outcome) = squares(100, 2, wrong);
        assert_eq!(taken.len(), 5);
        let error = outcome.unwrap_err();
        assert!(matches!(&error, Error::Worker { reason } if reason == "number 5"), "{error}");
    }

    #[test]
    fn errors_of_tasks_and_takers_are_reported() {
        let tasks =
            (0..9).map(|i| if i == 7 { Err(Error::invalid("input", "ends")) } else { Ok(i) });
        let mut taken = 0;
        let outcome = in_order(
            vec![(), ()],
            tasks,
            |(), i| Ok(i),
            |_| {
                taken += 1;
                Ok(())
            },
        );
        assert!(outcome.unwrap_err().to_string().contains("input") && taken == 7);
        let full = |i| if i == 3 { Err(Error::invalid("disk", "is full")) } else { Ok(()) };
        let outcome = in_order(vec![(), ()], (0..9).map(Ok), |(), i: i32| Ok(i), full);
        assert!(outcome.unwrap_err().to_string().contains("disk"));
    }

    #[test]
    fn tasks_wait_until_there_is_room() {
        let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let tasks = (0..300).map(|i| {
            let ahead = made.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst);
            assert!(ahead <= 3 * TASKS_PER_WORKER, "{ahead}");
            Ok(i)
        });
        let take = |_| {
            taken.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        in_order(vec![(); 3], tasks, |(), i: i32| Ok(i), take).unwrap();
        assert_eq!(taken.into_inner(), 300);
    }
}
