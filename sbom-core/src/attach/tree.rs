//! An image and everything about it, as a tree: its platforms, what refers to them, what refers to that, and what lies
//! under cosign's tags.

use std::collections::BTreeSet;

use super::{
    copy::ENDINGS,
    document::entry_of,
    find::{Found, Incomplete, Note, created, hint},
    kind::Kind,
    listed::list,
    spending::Spending,
    store::{Store, companion_tag, parse, read_manifest},
};
use crate::{
    digest::Digest,
    oci::{Descriptor, Platform, manifest::Document, reference::Tag},
    timestamp::Timestamp,
};

/// How a node stands to the one above it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// It is what was asked for.
    Root,
    /// It is one of an index's entries: the image for a platform.
    Platform(Platform),
    /// It is one of an index's entries, and no image: statements of `BuildKit` about one.
    Beside,
    /// It refers to the one above.
    Referrer,
    /// It lies under a tag made of the digest above.
    Tagged(Tag),
    /// It is a layer of the one above, which lies under such a tag: one signature or attestation.
    Layer,
}

/// A manifest, index or layer, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// How it stands to the one above it.
    pub role: Role,
    /// What it hashes to.
    pub digest: Digest,
    /// Its media type, as what leads to it says.
    pub media_type: String,
    /// Its length in bytes; of a referrer, that of its content.
    pub size: u64,
    /// What a referrer is.
    pub artifact_type: Option<String>,
    /// What kind of thing that is.
    pub kind: Kind,
    /// The predicate type that annotations name.
    pub predicate_type: Option<String>,
    /// When it was made, as annotations have it.
    pub created: Option<Timestamp>,
    /// What belongs to it.
    pub children: Vec<Node>,
}

/// A tree, and what is not in it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Tree {
    /// The image.
    pub root: Node,
    /// What is broken.
    pub notes: Vec<Note>,
    /// What was not looked at.
    pub incomplete: Vec<Incomplete>,
}

/// Looks at `root` in `store`, and at everything about it. Nothing of it is verified.
pub fn tree(store: &dyn Store, root: &Descriptor, spending: &mut Spending) -> Tree {
    let mut walk = Walk { store, spending, found: Found::default(), seen: BTreeSet::new() };
    let root = walk.node(root, Role::Root, 0);
    Tree { root, notes: walk.found.notes, incomplete: walk.found.incomplete }
}

struct Walk<'a> {
    store: &'a dyn Store,
    spending: &'a mut Spending,
    found: Found,
    seen: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn node(&mut self, descriptor: &Descriptor, role: Role, depth: u64) -> Node {
        let mut node = leaf(descriptor, role);
        // What leads back to where it came from is shown, and not gone into again.
        if !self.seen.insert(descriptor.digest.clone()) {
            return node;
        }
        let within = self.spending.limits().index_depth.check(depth).and_then(|()| self.spending.request());
        if let Err(source) = within {
            self.found.limit(descriptor.digest.to_string(), source);
            return node;
        }
        let read = read_manifest(self.store, descriptor);
        let read = read.and_then(|bytes| Ok((parse(&bytes, descriptor)?, bytes.len() as u64)));
        match read {
            Ok((Document::Manifest(manifest), size)) => {
                if node.role == Role::Referrer {
                    let known = Descriptor { size, ..descriptor.clone() };
                    node = Node { size: node.size, ..leaf(&entry_of(&known, &manifest), Role::Referrer) };
                    node.kind = Kind::of_manifest(&manifest);
                    node.size = manifest.layers.iter().fold(0, |sum, layer| layer.size.saturating_add(sum));
                    if node.predicate_type.is_none() {
                        node.predicate_type = manifest.layers.iter().find_map(hint).map(str::to_owned);
                    }
                } else {
                    node.size = size;
                }
                if node.role == Role::Beside {
                    node.children.extend(manifest.layers.iter().map(|layer| leaf(layer, Role::Layer)));
                }
            }
            Ok((Document::Index(index), size)) => {
                node.size = size;
                for child in &index.manifests {
                    let role = if child.is_attestation() {
                        Role::Beside
                    } else {
                        Role::Platform(child.platform.clone().unwrap_or_default())
                    };
                    node.children.push(self.node(child, role, depth.saturating_add(1)));
                }
            }
            Err(error) => {
                self.found.failed(&descriptor.digest, error);
                return node;
            }
        }
        if node.role != Role::Beside {
            self.about(&mut node, depth);
        }
        node
    }

    /// What refers to a node, and what lies under the tags made of its digest.
    fn about(&mut self, node: &mut Node, depth: u64) {
        let subject = node.digest.clone();
        for candidate in list(self.store, &subject, self.spending, &mut self.found) {
            let child = self.node(&candidate.descriptor, Role::Referrer, depth.saturating_add(1));
            node.children.push(child);
        }
        // Nobody signs a signature under a tag.
        if node.role == Role::Referrer {
            return;
        }
        for tag in ENDINGS.iter().filter_map(|ending| companion_tag(&subject, ending)) {
            if let Err(source) = self.spending.request() {
                self.found.limit(format!("the tag {tag}"), source);
                return;
            }
            match self.store.tagged(&tag) {
                Ok(None) => {}
                Ok(Some(tagged)) => {
                    let mut child = leaf(&tagged.descriptor, Role::Tagged(tag));
                    if let Ok(Document::Manifest(manifest)) = parse(&tagged.bytes, &tagged.descriptor) {
                        child.kind = Kind::of_manifest(&manifest);
                        child.children =
                            manifest.layers.iter().map(|layer| leaf(layer, Role::Layer)).collect();
                    }
                    node.children.push(child);
                }
                Err(error) => self.found.not_listed(format!("the tag {tag}"), error),
            }
        }
    }
}

fn leaf(descriptor: &Descriptor, role: Role) -> Node {
    let kind = match role {
        Role::Layer => Kind::of(&descriptor.media_type),
        Role::Root | Role::Platform(_) | Role::Beside | Role::Tagged(_) => Kind::Unclear,
        Role::Referrer => Kind::of_descriptor(descriptor),
    };
    Node {
        role,
        digest: descriptor.digest.clone(),
        media_type: descriptor.media_type.clone(),
        size: descriptor.size,
        artifact_type: descriptor.artifact_type.clone(),
        kind,
        predicate_type: hint(descriptor).map(str::to_owned),
        created: created(descriptor),
        children: Vec::new(),
    }
}
