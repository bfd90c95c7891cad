//! Transparency logs: a Merkle tree that grows, and signed checkpoints of it.
//!
//! Sources: RFC 6962 (section 2.1), C2SP `tlog-checkpoint` and `signed-note`.

use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    keys::{Curve, Key},
    sha256,
};

type Hash = [u8; 32];

/// A log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) key: Key,
    /// The first line of its checkpoints.
    pub(super) origin: String,
    /// The name that its checkpoints are signed with.
    pub(super) name: String,
    leaves: Mutex<Vec<Hash>>,
}

/// Where an entry lies, and the proof of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inclusion {
    pub(super) index: usize,
    pub(super) size: usize,
    pub(super) root: Hash,
    pub(super) hashes: Vec<Hash>,
    pub(super) checkpoint: String,
}

impl Log {
    /// A log with some entries in it: the first has index 0, which writers of JSON may leave out.
    pub(super) fn new(origin: &str, name: &str) -> Self {
        let leaves = (0_u8..3).map(|seed| leaf(&[seed])).collect();
        Self {
            key: Key::generate(Curve::P256),
            origin: origin.to_owned(),
            name: name.to_owned(),
            leaves: Mutex::new(leaves),
        }
    }

    pub(super) fn id(&self) -> Hash {
        sha256(&self.key.spki())
    }

    /// Takes an entry in.
    pub(super) fn append(&self, body: &[u8]) -> Inclusion {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let index = leaves.len();
        leaves.push(leaf(body));
        let root = root(&leaves);
        Inclusion {
            index,
            size: leaves.len(),
            root,
            hashes: path(index, &leaves),
            checkpoint: self.checkpoint(leaves.len(), &root, &self.key),
        }
    }

    /// A checkpoint, signed by `key` in this log's name.
    pub(super) fn checkpoint(&self, size: usize, root: &Hash, key: &Key) -> String {
        let body = format!("{}\n{size}\n{}\n", self.origin, STANDARD.encode(root));
        let hint: Vec<u8> = self.id().into_iter().take(4).collect();
        let signature = STANDARD.encode([hint, key.sign(body.as_bytes())].concat());
        format!("{body}\n\u{2014} {} {signature}\n", self.name)
    }
}

/// The hash of an entry.
pub(super) fn leaf(body: &[u8]) -> Hash {
    sha256(&[&[0], body].concat())
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[[1].as_slice(), left, right].concat())
}

/// The hash of a tree.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The hashes that lead from a leaf to the root.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut hashes, other) = if index < middle {
        (path(index, left), root(right))
    } else {
        (path(index - middle, right), root(left))
    };
    hashes.push(other);
    hashes
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}
