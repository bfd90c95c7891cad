//! The list of files: what a container sees, who owns it, and what differs from what package databases record.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, BinaryHeap, binary_heap::PeekMut},
};

use super::{
    Bom, Component, FileDigest, FileEntry, FileKind, FileScope, Gap, GapKind,
    overlay::{Overlay, VisibleFile},
    owned::Unpacking,
};
use crate::{
    image_path::ImagePath,
    limits::{LimitExceeded, Limits},
};

/// Paths named for each component of those that were changed, and of those that are missing. All are counted.
const NAMED_CHANGES: usize = 16;

/// Lists the files that `scope` asks for in `bom`, and says of its components which of their files were changed
/// or are missing.
pub(super) fn list(bom: &mut Bom, overlay: &Overlay<'_>, scope: FileScope, limits: &Limits) {
    if scope == FileScope::None {
        return;
    }
    let mut claims = Claims::of(&bom.components);
    // Made in one piece: a list that grows takes half as much again while it does.
    let most = if scope == FileScope::Owned { claims.count } else { overlay.most_files() };
    let files = Vec::with_capacity(most.min(limits.files.as_usize()));
    let mut listing = Listing { limits, files, names: 0, exceeded: None, not_listed: 0 };
    let mut changes = Changes::default();
    let mut visible = overlay.visible_files();
    while let Some(file) = visible.next() {
        while let Some(claim) = claims.first().filter(|claim| claim.path() < file.path) {
            changes.look_at_absent(claim, overlay);
            claims.next();
        }
        let (mut kind, mut owner) = (None, None);
        while let Some(claim) = claims.first().filter(|claim| claim.path() == file.path) {
            changes.compare(claim, kind.get_or_insert_with(|| file.kind()));
            owner.get_or_insert(claim.component);
            claims.next();
        }
        if scope == FileScope::All || owner.is_some() {
            listing.add(&file, kind.unwrap_or_else(|| file.kind()), owner);
        }
    }
    while let Some(claim) = claims.first() {
        changes.look_at_absent(claim, overlay);
        claims.next();
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

/// What the components that are there own, by path, then by component: the lists of all are merged, so that only one
/// file of each is unpacked at a time.
struct Claims<'b> {
    /// Those of which files are left.
    owners: BinaryHeap<Reverse<Claim<'b>>>,
    /// Files of all of them.
    count: usize,
}

/// That a component owns a file, and those that it owns besides.
struct Claim<'b> {
    files: Unpacking<'b>,
    component: usize,
    digest: Option<FileDigest>,
    is_config: bool,
}

impl<'b> Claims<'b> {
    fn of(components: &'b [Component]) -> Self {
        let present =
            components.iter().enumerate().filter(|(_, component)| component.layers.removed.is_none());
        let count = present.clone().map(|(_, component)| component.files.len()).sum();
        let owners = present.filter_map(|(index, Component { files, .. })| {
            let mut first = Claim { files: files.unpack(), component: index, digest: None, is_config: false };
            first.advance().then_some(Reverse(first))
        });
        Self { owners: owners.collect(), count }
    }

    fn first(&self) -> Option<&Claim<'b>> {
        self.owners.peek().map(|Reverse(claim)| claim)
    }

    /// Goes on behind the first.
    fn next(&mut self) {
        if let Some(mut first) = self.owners.peek_mut()
            && !first.0.advance()
        {
            PeekMut::pop(first);
        }
    }
}

impl Claim<'_> {
    fn path(&self) -> &[u8] {
        self.files.path()
    }

    fn to_path(&self) -> ImagePath {
        ImagePath::new(self.path())
    }

    /// Goes on to the next file that the component owns; false if there is none.
    fn advance(&mut self) -> bool {
        let Some(next) = self.files.next() else { return false };
        (self.digest, self.is_config) = (next.digest, next.is_config);
        true
    }
}

impl Ord for Claim<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.path(), self.component).cmp(&(other.path(), other.component))
    }
}

impl PartialOrd for Claim<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Claim<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Claim<'_> {}

struct Listing<'l> {
    limits: &'l Limits,
    files: Vec<FileEntry>,
    /// Bytes of paths and link targets.
    names: u64,
    exceeded: Option<LimitExceeded>,
    not_listed: u64,
}

impl Listing<'_> {
    fn add(&mut self, file: &VisibleFile<'_>, kind: FileKind, owner: Option<usize>) {
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
        self.files.push(FileEntry { path: file.to_path(), kind, layer: file.layer, owner });
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
        let Some(recorded) = claim.digest else { return };
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
        let path = claim.to_path();
        match overlay.resolve_parent(&path) {
            None => self.add(claim, Change::Missing),
            // Databases list directories, too, but record no digests of them.
            Some(real) if real == path && claim.digest.is_some() => self.modified(claim),
            Some(_) => {}
        }
    }

    fn modified(&mut self, claim: &Claim<'_>) {
        if !claim.is_config {
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
            paths.named.push(claim.to_path().to_text());
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
