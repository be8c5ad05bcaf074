//! The Merkle tree over the log's lines (RFC 6962 §2.1): its root as it grows, proofs, and what proofs are worth.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// The hash of a line as the next line's `prev` has it: SHA-256 of its bytes without the newline.
pub fn link(line: &[u8]) -> Hash {
    bytes(digest(&SHA256, line).as_ref())
}

/// The hash of a line as a leaf of the tree.
pub fn leaf(line: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(line);
    bytes(context.finish().as_ref())
}

/// The hash of two neighbouring subtrees.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut whole = [1; 65];
    let (_, pair) = whole.split_at_mut(1);
    for (to, from) in pair.iter_mut().zip(left.iter().chain(right)) {
        *to = *from;
    }
    bytes(digest(&SHA256, &whole).as_ref())
}

/// The root of the tree without leaves.
pub fn empty() -> Hash {
    bytes(digest(&SHA256, &[]).as_ref())
}

fn bytes(digest: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    hash
}

/// A growing tree, kept as the roots of its complete subtrees, largest first: one for each bit set in its size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    size: u64,
    peaks: Vec<Hash>,
}

impl Range {
    /// The tree of this size with these peaks, or nothing where a tree of this size has another number of them.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (usize::try_from(size.count_ones()).ok()? == peaks.len()).then_some(Self { size, peaks })
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds a leaf, given by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut merged = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                merged = node(&left, &merged);
            }
        }
        self.peaks.push(merged);
        self.size = self.size.saturating_add(1);
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right)).unwrap_or_else(empty)
    }
}

/// Leaves from `start` up to, but not including, `end`: a subtree whose root is part of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first leaf.
    pub start: u64,
    /// The leaf after the last.
    pub end: u64,
}

/// The subtrees whose roots, in this order, prove that leaf `index` is in the tree of `size` leaves (RFC 6962 §2.1.1).
/// Nothing where there is no such leaf.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Span>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(Span { start: middle, end });
            end = middle;
        } else {
            path.push(Span { start, end: middle });
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose roots, in this order, prove that the tree of `size` leaves begins with the tree of `old` leaves
/// (RFC 6962 §2.1.2). Nothing where `old` is nought or more than `size`.
pub fn consistency(old: u64, size: u64) -> Option<Vec<Span>> {
    if old == 0 || old > size {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    // Whether the old tree is a subtree of its own here, whose root the verifier already has.
    let mut known = true;
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(Span { start: middle, end });
            end = middle;
        } else {
            path.push(Span { start, end: middle });
            start = middle;
            known = false;
        }
    }
    if !known {
        path.push(Span { start, end });
    }
    path.reverse();
    Some(path)
}

/// The largest power of two below `leaves`, which is at least two.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Gathers the roots of several spans in one pass over the leaves.
#[derive(Debug)]
pub struct Gather {
    spans: Vec<(Span, Range)>,
}

impl Gather {
    /// Will gather these.
    pub fn new(spans: Vec<Span>) -> Self {
        Self { spans: spans.into_iter().map(|span| (span, Range::default())).collect() }
    }

    /// Shows the next leaf.
    pub fn push(&mut self, index: u64, leaf: Hash) {
        for (span, range) in &mut self.spans {
            if (span.start..span.end).contains(&index) {
                range.push(leaf);
            }
        }
    }

    /// The roots, in the order of the spans.
    pub fn roots(self) -> Vec<Hash> {
        self.spans.into_iter().map(|(_, range)| range.root()).collect()
    }
}

/// Whether `path` proves that `leaf` stands at `index` in the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
pub fn includes(root: &Hash, size: u64, index: u64, leaf: Hash, path: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut sum) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            sum = node(sibling, &sum);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            sum = node(&sum, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && sum == *root
}

/// Whether `path` proves that the tree of `size` leaves with root `new` begins with the tree of `old_size` leaves with
/// root `old` (RFC 9162 §2.1.4.2).
pub fn extends(old: &Hash, old_size: u64, new: &Hash, size: u64, path: &[Hash]) -> bool {
    if old_size == 0 || old_size > size {
        return false;
    }
    if old_size == size {
        return path.is_empty() && old == new;
    }
    let (mut at, mut last) = (old_size - 1, size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut rest = path.iter();
    let seed = if old_size.is_power_of_two() { Some(old) } else { rest.next() };
    let Some(seed) = seed else { return false };
    let (mut before, mut after) = (*seed, *seed);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node(sibling, &before);
            after = node(sibling, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node(&after, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old && after == *new
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text::hex;
    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|index| leaf(&index.to_be_bytes())).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node(&root(left), &root(right))
            }
        }
    }

    fn gathered(leaves: &[Hash], spans: Vec<Span>) -> Vec<Hash> {
        let mut gather = Gather::new(spans);
        for (index, leaf) in leaves.iter().enumerate() {
            gather.push(index as u64, *leaf);
        }
        gather.roots()
    }

    /// The eight leaves of the test vectors that the Certificate Transparency code bases share.
    #[test]
    fn roots_are_those_of_the_certificate_transparency_vectors() {
        let inputs: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut range = Range::default();
        assert_eq!(hex(&range.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let roots = inputs.map(|input| {
            range.push(leaf(input));
            hex(&range.root())
        });
        assert_eq!(
            roots,
            [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ]
        );
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved_and_no_other() {
        for size in 1..40 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for index in 0..size {
                let path = gathered(&leaves, inclusion(index, size).unwrap());
                let leaf = leaves[index as usize];
                assert!(includes(&root, size, index, leaf, &path), "{index} of {size}");
                assert!(!includes(&root, size, index, leaf_of_nothing(), &path), "{index} of {size}: another leaf");
                assert!(!includes(&root, size, index + 1, leaf, &path), "{index} of {size}: another place");
                let mut longer = path.clone();
                longer.push(root);
                assert!(!includes(&root, size, index, leaf, &longer), "{index} of {size}: a longer path");
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!includes(&root, size, index, leaf, shorter), "{index} of {size}: a shorter path");
                }
            }
            assert_eq!(inclusion(size, size), None);
        }
    }

    fn leaf_of_nothing() -> Hash {
        leaf(b"nothing")
    }

    #[test]
    fn every_small_tree_is_proved_to_begin_with_every_smaller_one() {
        for size in 1..40 {
            let leaves = leaves(size);
            let new = root(&leaves);
            for old_size in 1..=size {
                let old = root(&leaves[..old_size as usize]);
                let path = gathered(&leaves, consistency(old_size, size).unwrap());
                assert!(extends(&old, old_size, &new, size, &path), "{old_size} in {size}");
                assert!(!extends(&leaf_of_nothing(), old_size, &new, size, &path), "{old_size} in {size}: other old");
                assert!(!extends(&old, old_size, &leaf_of_nothing(), size, &path), "{old_size} in {size}: other new");
                for place in 0..path.len() {
                    let mut bent = path.clone();
                    bent[place][0] ^= 1;
                    assert!(!extends(&old, old_size, &new, size, &bent), "{old_size} in {size}: bent at {place}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_proved_about_an_empty_or_a_larger_tree() {
        assert_eq!(consistency(0, 5), None);
        assert_eq!(consistency(6, 5), None);
        assert!(!extends(&empty(), 0, &empty(), 5, &[]));
        assert!(!extends(&empty(), 6, &empty(), 5, &[]));
        assert!(!includes(&empty(), 0, 0, empty(), &[]));
    }

    #[test]
    fn peaks_must_fit_the_size() {
        assert!(Range::from_peaks(5, vec![empty(); 2]).is_some());
        assert!(Range::from_peaks(5, vec![empty(); 3]).is_none());
        assert!(Range::from_peaks(0, Vec::new()).is_some());
    }

    proptest! {
        #[test]
        fn a_growing_tree_has_the_root_of_the_whole(size in 0u64..600) {
            let leaves = leaves(size);
            let mut range = Range::default();
            leaves.iter().for_each(|leaf| range.push(*leaf));
            prop_assert_eq!(range.root(), root(&leaves));
            let again = Range::from_peaks(range.size(), range.peaks().to_vec());
            prop_assert_eq!(again, Some(range));
        }

        #[test]
        fn the_root_changes_with_every_leaf(size in 1u64..200, which in any::<prop::sample::Index>()) {
            let mut leaves = leaves(size);
            let before = root(&leaves);
            leaves[which.index(size as usize)][7] ^= 0x10;
            prop_assert_ne!(root(&leaves), before);
        }
    }
}
