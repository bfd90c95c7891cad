//! Changing what lies under a tag while others do the same, without losing what they write.
//!
//! Registries replace what a tag leads to as a whole, and most do not heed conditions. So whoever writes reads again
//! until what he has written was there twice in a row, with a pause between; a writer that had read before him and
//! wrote after him has then done so, and whoever is missing writes again.

use std::time::Duration;

use super::{
    error::AttachError,
    put::Settings,
    store::{Put, Sink, Tagged},
};
use crate::{
    limits::Limits,
    oci::reference::{Tag, Target},
    source::SourceError,
};

/// How often a tag is read and, where need be, written, before it is given up.
const ATTEMPTS: u32 = 40;
/// How often in a row what was written must be there.
const CONFIRMATIONS: u32 = 2;
/// The shortest pause.
const PAUSE: Duration = Duration::from_millis(60);
/// Times that it may stay unknown whether something was written.
const UNDECIDED: u32 = 3;

/// Changes what lies under `tag` into what `change` makes of it: none if it is as it should be. Gives whether anything
/// was written.
pub(super) fn update(
    sink: &dyn Sink,
    tag: &Tag,
    media_type: &str,
    settings: &Settings<'_>,
    mut change: impl FnMut(Option<&Tagged>) -> Result<Option<Vec<u8>>, AttachError>,
) -> Result<bool, AttachError> {
    let (mut wrote, mut confirmed, mut undecided) = (false, 0, 0);
    let target = Target::Tag(tag.clone());
    for attempt in 0..ATTEMPTS {
        let now = sink.tagged(tag).map_err(AttachError::store(format!("reading the tag {tag}")))?;
        match change(now.as_ref())? {
            None if !wrote => return Ok(false),
            None => {
                confirmed += 1;
                if confirmed == CONFIRMATIONS {
                    return Ok(true);
                }
            }
            Some(bytes) => {
                confirmed = 0;
                Limits::default()
                    .manifest_bytes
                    .check(bytes.len() as u64)
                    .map_err(|source| AttachError::ListFull { tag: tag.clone(), source })?;
                let state = now.as_ref().and_then(|now| now.state.as_deref());
                match sink.put_manifest(&target, media_type, &bytes, state) {
                    Ok(Put::Changed) => {}
                    Ok(Put::Listed | Put::Done) => wrote = true,
                    // It may have been written all the same; reading tells.
                    Err(error) if undecided < UNDECIDED && is_undecided(&error) => {
                        undecided += 1;
                        wrote = true;
                    }
                    Err(error) => return Err(AttachError::store(format!("writing the tag {tag}"))(error)),
                }
            }
        }
        settings.clock.pause(pause(settings.seed, attempt));
    }
    Err(AttachError::Contended { tag: tag.clone(), attempts: ATTEMPTS })
}

/// How long to wait: longer each time up to a bound, and for each seed otherwise, so that writers get out of step.
pub(super) fn pause(seed: u64, attempt: u32) -> Duration {
    // The mixing step of splitmix64.
    let mut mixed = seed.wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let base = PAUSE.saturating_mul(attempt.min(5).saturating_add(1));
    let spread = u64::try_from(base.as_millis()).unwrap_or(u64::MAX).max(1);
    base.saturating_add(Duration::from_millis(mixed % spread))
}

/// Whether something may have been done although it failed.
fn is_undecided(error: &SourceError) -> bool {
    match error {
        #[cfg(feature = "registry")]
        SourceError::Registry(error) => error.fault.is_undecided(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ_by_seed() {
        assert!(pause(1, 0) >= PAUSE && pause(1, 0) < PAUSE * 2);
        assert!(pause(1, 30) >= PAUSE * 6 && pause(1, 30) < PAUSE * 12);
        assert_ne!(pause(1, 3), pause(2, 3));
        assert_eq!(pause(7, 3), pause(7, 3));
    }
}
