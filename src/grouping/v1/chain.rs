//! Which exceptions of an event count, in which order, and which one the issue is about.
//!
//! A chain of causes counts as a whole. A tree of exception groups (PEP 654, .NET's AggregateException) counts by
//! what is in it: ten tasks that failed alike are one bug. Knows exceptions by index and key only.

use std::collections::BTreeSet;

use crate::model::event::{Event, Exception};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// Indexes into `Event::exceptions`, in the order their leaves are hashed.
    pub(super) order: Vec<usize>,
    pub(super) main: Option<usize>,
}

/// `key_of` tells exceptions apart; it is asked only about members of groups.
pub(super) fn select<K: Copy + Ord>(event: &Event, key_of: impl Fn(usize) -> K) -> Selection {
    let exceptions = &event.exceptions;
    if let Some(tree) = Tree::build(exceptions).filter(|_| !sends_broken_trees(event)) {
        return tree.select(exceptions, key_of);
    }
    Selection { order: (0..exceptions.len()).collect(), main: inner_of_wrapper(exceptions) }
}

/// The 3.x alphas of sentry-python number exceptions without regard to their parents.
fn sends_broken_trees(event: &Event) -> bool {
    let Some((name, version)) = event.sdk.as_deref().and_then(|sdk| sdk.split_once('/')) else { return false };
    name.starts_with("sentry.python") && version.starts_with("3.") && version.contains('a')
}

/// Frameworks that throw an exception of their own around the one that matters.
fn inner_of_wrapper(exceptions: &[Exception]) -> Option<usize> {
    let is_wrapper = |exception: &Exception| is_rx_wrapper(exception) || is_react_recovery(exception);
    if !is_wrapper(exceptions.last()?) {
        return None;
    }
    exceptions.iter().rposition(|exception| !is_wrapper(exception))
}

fn is_rx_wrapper(exception: &Exception) -> bool {
    exception.module.as_deref().is_some_and(|module| module.starts_with("io.reactivex."))
        && matches!(
            exception.ty.as_deref(),
            Some("OnErrorNotImplementedException" | "CompositeException" | "UndeliverableException")
        )
}

/// React reports that it recovered, with the reason as the cause.
fn is_react_recovery(exception: &Exception) -> bool {
    exception.value.as_deref().is_some_and(|value| {
        value.starts_with("There was an error while hydrating")
            || value.starts_with("There was an error during concurrent rendering but React was able to recover")
    })
}

/// Parents before children, without cycles, with one root.
struct Tree {
    root: usize,
    /// Children of each exception, by ascending id: the order in which they were raised or listed.
    children: Vec<Vec<usize>>,
}

impl Tree {
    /// `None` when there is no group in it, or when ids and parents do not make a tree.
    fn build(exceptions: &[Exception]) -> Option<Self> {
        let group_count = exceptions.iter().filter(|exception| exception.mechanism.is_exception_group).count();
        if group_count == 0 || group_count == exceptions.len() {
            return None;
        }
        let mut by_id = Vec::with_capacity(exceptions.len());
        for (index, exception) in exceptions.iter().enumerate() {
            by_id.push((exception.mechanism.exception_id?, index));
        }
        by_id.sort_unstable();
        if by_id.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let mut root = None;
        let mut children = vec![Vec::new(); exceptions.len()];
        for (_, index) in &by_id {
            match exceptions[*index].mechanism.parent_id {
                Some(parent_id) => {
                    let at = by_id.binary_search_by_key(&parent_id, |(id, _)| *id).ok()?;
                    children[by_id[at].1].push(*index);
                }
                None if root.is_some() => return None,
                None => root = Some(*index),
            }
        }
        let tree = Self { root: root?, children };
        (tree.reachable_count() == exceptions.len()).then_some(tree)
    }

    /// Every node but the root has one parent, so what the root does not reach is a cycle.
    fn reachable_count(&self) -> usize {
        let mut pending = vec![self.root];
        let mut count = 0;
        while let Some(index) = pending.pop() {
            count += 1;
            pending.extend(&self.children[index]);
        }
        count
    }

    fn select<K: Copy + Ord>(&self, exceptions: &[Exception], key_of: impl Fn(usize) -> K) -> Selection {
        let mut seen = BTreeSet::new();
        let mut distinct = Vec::new();
        for index in self.top_level(exceptions) {
            let key = key_of(index);
            if seen.insert(key) {
                distinct.push((index, key));
            }
        }
        if let [(only, _)] = distinct.as_slice() {
            return Selection { order: self.cause_chain(*only, exceptions), main: Some(*only) };
        }
        // Tasks finish in any order, so the order must come from what failed, not from when. Types descend; within
        // a type the key decides.
        let ty = |index: usize| exceptions[index].ty.as_deref().unwrap_or_default();
        distinct.sort_by(|(a, a_key), (b, b_key)| ty(*b).cmp(ty(*a)).then_with(|| a_key.cmp(b_key)));
        let mut order: Vec<usize> = distinct.into_iter().map(|(index, _)| index).collect();
        order.push(self.root);
        Selection { order, main: None }
    }

    /// The first exceptions below the root that are not wrappers, in the order of their ids.
    fn top_level(&self, exceptions: &[Exception]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut pending = vec![self.root];
        while let Some(index) = pending.pop() {
            let mut members: Vec<usize> = Vec::new();
            if exceptions[index].mechanism.is_exception_group {
                members.extend(self.children[index].iter().filter(|child| !is_cause(&exceptions[**child])));
            }
            if members.is_empty() {
                found.push(index);
            }
            pending.extend(members.into_iter().rev());
        }
        found
    }

    /// An exception and what caused it, cause first. Wrappers on the way are dropped, the first member goes on.
    fn cause_chain(&self, index: usize, exceptions: &[Exception]) -> Vec<usize> {
        let mut chain = vec![index];
        let mut at = index;
        while let Some(child) = self.children[at].first() {
            at = *child;
            if !exceptions[at].mechanism.is_exception_group {
                chain.push(at);
            }
        }
        chain.reverse();
        chain
    }
}

/// What led to a group is not a member of it.
fn is_cause(exception: &Exception) -> bool {
    matches!(exception.mechanism.source.as_deref(), Some("__cause__" | "__context__" | "cause"))
}
