//! Where the I/O threads get their jobs, one at a time and in order.
//!
//! Whoever takes a job has the *turn*, and nobody takes another one until the turn is ended. So what is done within a turn happens in
//! the order of the jobs. A thread is woken when there is a job that it can take, and only one.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

struct State<J> {
    jobs: VecDeque<J>,
    is_taken: bool,
    is_closed: bool,
}

/// See the module.
pub struct Intake<J> {
    state: Mutex<State<J>>,
    can_take: Condvar,
}

impl<J> Intake<J> {
    pub fn new() -> Self {
        let state = State { jobs: VecDeque::new(), is_taken: false, is_closed: false };
        Intake { state: Mutex::new(state), can_take: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more job, behind all others.
    pub fn push(&self, job: J) {
        let mut state = self.state();
        state.jobs.push_back(job);
        let is_taken = state.is_taken;
        drop(state);
        if !is_taken {
            self.can_take.notify_one();
        }
    }

    /// The next job, and with it the turn. Waits for both; none when the intake was closed and all jobs are taken.
    pub fn take(&self) -> Option<J> {
        let mut state = self.state();
        loop {
            if !state.is_taken {
                if let Some(job) = state.jobs.pop_front() {
                    state.is_taken = true;
                    return Some(job);
                }
                if state.is_closed {
                    return None;
                }
            }
            state = self.can_take.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the turn of whoever has it.
    pub fn end_turn(&self) {
        let mut state = self.state();
        state.is_taken = false;
        let (more, is_closed) = (!state.jobs.is_empty(), state.is_closed);
        drop(state);
        if is_closed {
            self.can_take.notify_all();
        } else if more {
            self.can_take.notify_one();
        }
    }

    /// Whether `take` would have to wait for a job.
    pub fn is_empty(&self) -> bool {
        self.state().jobs.is_empty()
    }

    /// There will be no more jobs.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.can_take.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    #[test]
    fn turns_are_in_order_and_one_at_a_time_whatever_comes_when() {
        let intake = Arc::new(Intake::new());
        let last = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (intake, last) = (intake.clone(), last.clone());
                std::thread::spawn(move || {
                    let mut taken = 0;
                    while let Some(job) = intake.take() {
                        assert_eq!(last.swap(job, SeqCst), job - 1, "in order");
                        std::thread::yield_now();
                        assert_eq!(last.load(SeqCst), job, "alone");
                        intake.end_turn();
                        taken += 1;
                    }
                    taken
                })
            })
            .collect();
        for job in 1..=20_000 {
            intake.push(job);
            if job % 7 == 0 {
                std::thread::yield_now();
            }
        }
        intake.close();
        let taken: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(taken, 20_000, "what was pushed before the end is done");
        assert!(intake.is_empty() && intake.take().is_none());
    }
}
