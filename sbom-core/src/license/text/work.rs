//! How much may be compared for one text.

/// Comparisons that are left.
#[derive(Debug)]
pub(super) struct Work {
    left: usize,
}

impl Work {
    /// So many.
    pub(super) fn new(left: usize) -> Self {
        Self { left }
    }

    /// Spends some; none, and nothing ever again, if they are not there.
    pub(super) fn spend(&mut self, comparisons: usize) -> Option<()> {
        let left = self.left.checked_sub(comparisons);
        self.left = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// Whether nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }
}
