//! Ranges of scores and of members.

/// An interval of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower end.
    pub min: f64,
    /// The upper end.
    pub max: f64,
    /// The lower end itself does not belong to it.
    pub min_excluded: bool,
    /// The upper end itself does not belong to it.
    pub max_excluded: bool,
}

impl ScoreRange {
    /// From `min` to `max`, both included.
    pub fn new(min: f64, max: f64) -> ScoreRange {
        ScoreRange { min, max, min_excluded: false, max_excluded: false }
    }

    /// Whether a score lies before the interval.
    #[inline]
    pub(super) fn is_after(&self, score: f64) -> bool {
        if self.min_excluded { score <= self.min } else { score < self.min }
    }

    /// Whether a score lies before the end of the interval.
    #[inline]
    pub(super) fn ends_after(&self, score: f64) -> bool {
        if self.max_excluded { score < self.max } else { score <= self.max }
    }
}

/// One end of an interval of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before every member.
    Least,
    /// After every member.
    Greatest,
    /// This one, which belongs to the interval.
    Included(&'a [u8]),
    /// This one, which does not belong to it.
    Excluded(&'a [u8]),
}

/// An interval of members; it has a meaning only for sorted sets in which all scores are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower end.
    pub min: LexBound<'a>,
    /// The upper end.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member lies before the interval.
    #[inline]
    pub(super) fn is_after(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Included(min) => member < min,
            LexBound::Excluded(min) => member <= min,
        }
    }

    /// Whether a member lies before the end of the interval.
    #[inline]
    pub(super) fn ends_after(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Included(max) => member <= max,
            LexBound::Excluded(max) => member < max,
        }
    }
}
