//! The list of files: what a container sees, who owns it, and what differs from what package databases record.

use std::collections::BTreeMap;

use super::{
    Bom, Component, FileDigest, FileEntry, FileKind, FileScope, Gap, GapKind, OwnedFile,
    overlay::{Overlay, VisibleFile},
};
use crate::limits::{LimitExceeded, Limits};

/// Paths named for each component of those that were changed, and of those that are missing. All are counted.
const NAMED_CHANGES: usize = 16;

/// Lists the files that `scope` asks for in `bom`, and says of its components which of their files were changed
/// or are missing.
pub(super) fn list(bom: &mut Bom, overlay: &Overlay<'_>, scope: FileScope, limits: &Limits) {
    if scope == FileScope::None {
        return;
    }
    let claims = claims(&bom.components);
    let mut claims = claims.as_slice();
    // Made in one piece: a list that grows takes half as much again while it does.
    let most = if scope == FileScope::Owned { claims.len() } else { overlay.most_files() };
    let files = Vec::with_capacity(most.min(limits.files.as_usize()));
    let mut listing = Listing { limits, files, names: 0, exceeded: None, not_listed: 0 };
    let mut changes = Changes::default();
    let mut visible = overlay.visible_files();
    while let Some(file) = visible.next() {
        for claim in take_while(&mut claims, |claim| claim.path() < file.path) {
            changes.look_at_absent(claim, overlay);
        }
        let owners = take_while(&mut claims, |claim| claim.path() == file.path);
        if scope == FileScope::Owned && owners.is_empty() {
            continue;
        }
        let kind = file.kind();
        for claim in owners {
            changes.compare(claim, &kind);
        }
        listing.add(&file, kind, owners.first());
    }
    for claim in claims {
        changes.look_at_absent(claim, overlay);
    }
    for (component, properties) in changes.into_properties() {
        if let Some(component) = bom.components.get_mut(component) {
            component.properties.extend(properties);
        }
    }
    bom.files = listing.files;
    bom.files_not_listed = listing.not_listed;
    if let Some(exceeded) = listing.exceeded {
        let message = format!("{} files are not listed: {exceeded}", listing.not_listed);
        bom.add_gap(Gap::new(GapKind::Limit, message), limits);
    }
}

/// Cuts off the beginning of `claims` that `is_wanted`.
fn take_while<'c, 'b>(
    claims: &mut &'c [Claim<'b>],
    is_wanted: impl Fn(&Claim<'b>) -> bool,
) -> &'c [Claim<'b>] {
    let count = claims.iter().take_while(|claim| is_wanted(claim)).count();
    let (wanted, rest) = claims.split_at_checked(count).unwrap_or_default();
    *claims = rest;
    wanted
}

/// That a component owns a file.
#[derive(Debug, Clone, Copy)]
struct Claim<'b> {
    file: &'b OwnedFile,
    component: usize,
}

impl<'b> Claim<'b> {
    fn path(&self) -> &'b [u8] {
        self.file.path.as_bytes()
    }
}

/// What the components that are there own, sorted by path, then by component.
fn claims(components: &[Component]) -> Vec<Claim<'_>> {
    let present = components.iter().enumerate().filter(|(_, component)| component.layers.removed.is_none());
    let mut claims: Vec<Claim<'_>> = present
        .flat_map(|(index, component)| {
            component.files.iter().map(move |file| Claim { file, component: index })
        })
        .collect();
    claims.sort_unstable_by(|a, b| (a.path(), a.component).cmp(&(b.path(), b.component)));
    claims
}

struct Listing<'l> {
    limits: &'l Limits,
    files: Vec<FileEntry>,
    /// Bytes of paths and link targets.
    names: u64,
    exceeded: Option<LimitExceeded>,
    not_listed: u64,
}

impl Listing<'_> {
    fn add(&mut self, file: &VisibleFile<'_>, kind: FileKind, first: Option<&Claim<'_>>) {
        let target = if let FileKind::Symlink { target } = &kind { target.len() } else { 0 };
        self.names = self.names.saturating_add((file.path.len() + target) as u64);
        // Once one is left out all that follow are, so that what is listed has no holes.
        if self.exceeded.is_none() {
            let count = self.limits.files.check(self.files.len() as u64 + 1);
            self.exceeded = count.and(self.limits.file_names_bytes.check(self.names)).err();
        }
        if self.exceeded.is_some() {
            self.not_listed += 1;
            return;
        }
        let path = first.map_or_else(|| file.to_path(), |claim| claim.file.path.clone());
        let owner = first.map(|claim| claim.component);
        self.files.push(FileEntry { path, kind, layer: file.layer, owner });
    }
}

/// What is not as databases record it, by component.
#[derive(Default)]
struct Changes(BTreeMap<usize, [Paths; 2]>);

/// How many paths there are, and the first of them.
#[derive(Default)]
struct Paths {
    count: u64,
    named: Vec<String>,
}

#[derive(Clone, Copy)]
enum Change {
    Modified,
    Missing,
}

impl Changes {
    fn compare(&mut self, claim: &Claim<'_>, found: &FileKind) {
        let Some(recorded) = claim.file.digest else { return };
        let digests = match found {
            FileKind::Regular { digests: Some(digests), .. } => digests,
            // What could not be read is a gap.
            FileKind::Regular { digests: None, .. } => return,
            FileKind::Symlink { .. } => return self.modified(claim),
        };
        let same = match recorded {
            FileDigest::Sha1(recorded) => recorded == digests.sha1,
            FileDigest::Sha256(recorded) => recorded == digests.sha256,
            FileDigest::Md5(_) => true,
        };
        if !same {
            self.modified(claim);
        }
    }

    /// Notes what became of a file where there is neither a regular file nor a link now.
    fn look_at_absent(&mut self, claim: &Claim<'_>, overlay: &Overlay<'_>) {
        match overlay.resolve_parent(&claim.file.path) {
            None => self.add(claim, Change::Missing),
            // Databases list directories, too, but record no digests of them.
            Some(path) if path == claim.file.path && claim.file.digest.is_some() => self.modified(claim),
            Some(_) => {}
        }
    }

    fn modified(&mut self, claim: &Claim<'_>) {
        if !claim.file.is_config {
            self.add(claim, Change::Modified);
        }
    }

    fn add(&mut self, claim: &Claim<'_>, change: Change) {
        let [modified, missing] = self.0.entry(claim.component).or_default();
        let paths = match change {
            Change::Modified => modified,
            Change::Missing => missing,
        };
        paths.count += 1;
        if paths.named.len() < NAMED_CHANGES {
            paths.named.push(claim.file.path.to_text());
        }
    }

    fn into_properties(self) -> impl Iterator<Item = (usize, Vec<(String, String)>)> {
        self.0.into_iter().map(|(component, [modified, missing])| {
            let mut properties = Vec::new();
            for (name, Paths { count, named }) in
                [("sbomctl:files:modified", modified), ("sbomctl:files:missing", missing)]
            {
                if count > 0 {
                    properties.push((format!("{name}-count"), count.to_string()));
                }
                properties.extend(named.into_iter().map(|path| (name.to_owned(), path)));
            }
            (component, properties)
        })
    }
}

#[cfg(test)]
mod tests;
