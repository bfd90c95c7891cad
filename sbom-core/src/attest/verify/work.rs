//! How much verification may be asked for: attestations are small to send and may be dear to verify.

use crate::limits::{Limit, LimitExceeded, Limits};

/// Signatures that were held against keys, over all that is verified together.
#[derive(Debug, Clone)]
pub struct Work {
    limit: Limit,
    done: u64,
}

impl Work {
    /// None done yet.
    pub fn new(limits: &Limits) -> Self {
        Self { limit: limits.signature_checks, done: 0 }
    }

    /// Counts checks over a message of so many bytes, all of which are read for each. What is too much is not counted: it is
    /// not done, and keeps nothing smaller from being done.
    pub(super) fn take(&mut self, checks: usize, bytes: usize) -> Result<(), LimitExceeded> {
        let each = u64::try_from(bytes >> 20).unwrap_or(u64::MAX).saturating_add(1);
        let checks = u64::try_from(checks).unwrap_or(u64::MAX);
        let done = self.done.saturating_add(each.saturating_mul(checks));
        self.limit.check(done)?;
        self.done = done;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_signatures_over_much_are_too_many_and_keep_nothing_small_from_being_verified() {
        let mut limits = Limits::default();
        limits.set("signature-checks", 100);
        let mut work = Work::new(&limits);
        work.take(3, 10 << 20).unwrap();
        let error = work.take(32, 3 << 20).unwrap_err();
        assert!(error.to_string().contains("--limit signature-checks="), "{error}");
        work.take(67, 10).unwrap();
        work.take(1, 0).unwrap_err();
        work.take(usize::MAX, usize::MAX).unwrap_err();
    }
}
