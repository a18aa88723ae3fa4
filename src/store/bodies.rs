//! Which dictionary the next body is compressed with, and the dictionaries at hand.
//!
//! Owns what is in memory: dictionaries made ready for use, shared by all threads and bounded in bytes, and how each has
//! done. Knows no SQL: dictionaries are read and made by a chore ([`super::dictionaries`]), and a body never waits for
//! one. Until its dictionary is here it takes the next best: that of its issue, that of its project, none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::body::{CompressedBody, Expander, Packer, compress_with};
use super::dictionary_rules::{ISSUE_WINDOW, PROJECT_WINDOW, Record, Tally, Verdict, judge};
use crate::config::{
    DICTIONARIES_READY_BYTES_MAX, DICTIONARY_BODY_BYTES_MAX, DICTIONARY_BODY_BYTES_MIN, DICTIONARY_ISSUE_EVENTS_MIN,
    DICTIONARY_OFFERS_BYTES_MAX, DICTIONARY_RETRAIN_PAUSE_MS, DICTIONARY_SUBJECTS_MAX, EXPANDERS_BYTES_MAX,
};
use crate::model::facts::Facts;
use crate::model::ids::ProjectId;

/// What a dictionary is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) project_id: ProjectId,
    /// First hash of the events; none for all others of the project.
    pub(super) hash: Option<[u8; 16]>,
}

/// A body that would serve its issue as a dictionary.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) subject: Subject,
    pub(super) body: Vec<u8>,
    /// In place of the dictionary there is.
    pub(super) is_replacement: bool,
}

/// Takes the facts out of a body. Given from above, where it is known how bodies are spelled.
pub type ReadFacts = fn(&[u8]) -> Facts;

/// A handle; cheap to clone.
#[derive(Clone)]
pub struct Bodies {
    shelf: Arc<Mutex<Shelf>>,
    expanders: Arc<Mutex<Expanders>>,
    read_facts: ReadFacts,
}

impl Default for Bodies {
    /// Whose bodies have no facts.
    fn default() -> Self {
        Self::new(|_| Facts::default())
    }
}

struct Shelf {
    entries: HashMap<Subject, Entry>,
    ready_bytes: usize,
    offers: Vec<Offer>,
    offered_bytes: usize,
    /// Issues that are better off without, to be forgotten on disk too.
    useless: Vec<Subject>,
    began: Instant,
    /// Time that tests let pass.
    #[cfg(test)]
    ahead_ms: u64,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            ready_bytes: 0,
            offers: Vec::new(),
            offered_bytes: 0,
            useless: Vec::new(),
            began: Instant::now(),
            #[cfg(test)]
            ahead_ms: 0,
        }
    }
}

#[derive(Default)]
struct Entry {
    packer: Option<Arc<Packer>>,
    used_ms: u64,
    /// Bodies since the start.
    seen: u64,
    /// Of an issue: its bodies that were compressed without a dictionary of its own.
    without: Tally,
    record: Record,
    /// The keeper has an offer and will answer.
    is_asked: bool,
    /// How often one was of no use, and until when there is to be none.
    useless_times: u32,
    rests_until_ms: u64,
    /// A body came while there was no dictionary.
    is_missed: bool,
}

/// Dictionaries ready for expanding, by id.
#[derive(Default)]
struct Expanders {
    entries: HashMap<i64, (Arc<Expander>, u64)>,
    bytes: usize,
    uses: u64,
}

/// What the keeper wants to know of a project.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProjectSeen {
    pub(super) project_id: ProjectId,
    pub(super) seen: u64,
    pub(super) record: Record,
    /// A body came for which its dictionary is not ready.
    pub(super) is_missed: bool,
}

impl Bodies {
    pub fn new(read_facts: ReadFacts) -> Self {
        Self { shelf: Arc::default(), expanders: Arc::default(), read_facts }
    }

    /// What an event is searched by, read from its body.
    pub fn read_facts(&self, body: &[u8]) -> Facts {
        (self.read_facts)(body)
    }

    /// Compresses the body of an event; `hash` is its first grouping hash. The caller's thread does the work.
    pub fn compress_event(&self, project_id: ProjectId, hash: Option<[u8; 16]>, body: &[u8]) -> CompressedBody {
        let project = Subject { project_id, hash: None };
        let issue = hash.map(|hash| Subject { project_id, hash: Some(hash) });
        let (packer, is_own) = self.shelf().packer(issue, project);
        let compressed = compress_with(packer.as_deref(), body);
        self.shelf().note(issue, project, is_own, body, compressed.bytes.len());
        compressed
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Bodies to make dictionaries of, and at most `count`.
    pub(super) fn take_offers(&self, count: usize) -> Vec<Offer> {
        let mut shelf = self.shelf();
        let count = count.min(shelf.offers.len());
        let offers: Vec<Offer> = shelf.offers.drain(..count).collect();
        shelf.offered_bytes -= offers.iter().map(|offer| offer.body.len()).sum::<usize>();
        offers
    }

    pub(super) fn take_useless(&self) -> Vec<Subject> {
        std::mem::take(&mut self.shelf().useless)
    }

    /// Projects that sent something, in order.
    pub(super) fn projects(&self) -> Vec<ProjectSeen> {
        let shelf = self.shelf();
        let of = |(subject, entry): (&Subject, &Entry)| ProjectSeen {
            project_id: subject.project_id,
            seen: entry.seen,
            record: entry.record,
            is_missed: entry.is_missed,
        };
        let mut projects: Vec<ProjectSeen> =
            shelf.entries.iter().filter(|(subject, _)| subject.hash.is_none()).map(of).collect();
        projects.sort_by_key(|project| project.project_id);
        projects
    }

    /// From now on bodies of `subject` are compressed with it.
    pub(super) fn put(&self, subject: Subject, packer: Packer) {
        self.shelf().put(subject, packer);
    }

    /// There will be none for now; it may be asked for again.
    pub(super) fn decline(&self, subject: Subject) {
        if let Some(entry) = self.shelf().entries.get_mut(&subject) {
            entry.is_asked = false;
            entry.without = Tally::default();
        }
    }

    /// No further body is compressed with what `subject` has.
    pub(super) fn forget(&self, subject: Subject) {
        self.shelf().take_packer(&subject);
    }

    /// Gives back the memory of dictionaries unused for so long.
    pub(super) fn forget_unused(&self, idle_ms: u64) {
        let mut shelf = self.shelf();
        let before_ms = shelf.now_ms().saturating_sub(idle_ms);
        let idle: Vec<Subject> = shelf.ready().filter(|(_, used_ms)| *used_ms < before_ms).map(|(it, _)| it).collect();
        for subject in idle {
            shelf.take_packer(&subject);
        }
    }

    /// The expander of a dictionary, made by `read` when it is not at hand.
    pub(super) fn expander<E>(&self, id: i64, read: impl FnOnce() -> Result<Expander, E>) -> Result<Arc<Expander>, E> {
        let lock = || self.expanders.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = lock().get(id) {
            return Ok(known);
        }
        // Two readers may do this at once; the second makes no difference.
        let expander = Arc::new(read()?);
        lock().put(id, expander.clone());
        Ok(expander)
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> (usize, usize) {
        (self.shelf().ready_bytes, self.expanders.lock().unwrap().bytes)
    }
}

impl Shelf {
    fn now_ms(&self) -> u64 {
        let now_ms = self.began.elapsed().as_millis() as u64;
        #[cfg(test)]
        let now_ms = now_ms + self.ahead_ms;
        now_ms
    }

    /// And whether it is the issue's own.
    fn packer(&mut self, issue: Option<Subject>, project: Subject) -> (Option<Arc<Packer>>, bool) {
        let of = |subject: &Subject| self.entries.get(subject).and_then(|entry| entry.packer.clone());
        match issue.as_ref().and_then(of) {
            Some(packer) => (Some(packer), true),
            None => (of(&project), false),
        }
    }

    fn note(&mut self, issue: Option<Subject>, project: Subject, is_own: bool, body: &[u8], packed: usize) {
        let now_ms = self.now_ms();
        let entry = self.entries.entry(project).or_default();
        entry.seen += 1;
        if !is_own {
            // A project all of whose bugs have their own dictionaries need not keep one ready.
            entry.used_ms = now_ms;
            match entry.packer {
                Some(_) => drop(entry.record.add(PROJECT_WINDOW, body.len(), packed)),
                None => entry.is_missed = true,
            }
        }
        let Some(issue) = issue else { return };
        if !self.entries.contains_key(&issue) {
            self.make_room_for_entry();
        }
        let offers_room = DICTIONARY_OFFERS_BYTES_MAX.saturating_sub(self.offered_bytes);
        let entry = self.entries.entry(issue).or_default();
        entry.used_ms = now_ms;
        entry.seen += 1;
        let fits = (DICTIONARY_BODY_BYTES_MIN..=DICTIONARY_BODY_BYTES_MAX.min(offers_room)).contains(&body.len());
        if is_own && entry.packer.is_some() {
            if !entry.record.add(ISSUE_WINDOW, body.len(), packed) || entry.is_asked {
                return;
            }
            match judge(&entry.without, &entry.record) {
                Verdict::Keep => {}
                Verdict::Stale if fits => self.offer(issue, body, true),
                Verdict::Stale => {}
                Verdict::Useless => {
                    let times = entry.useless_times.min(5);
                    entry.rests_until_ms = now_ms + ((DICTIONARY_RETRAIN_PAUSE_MS as u64) << (2 * times));
                    entry.useless_times += 1;
                    self.take_packer(&issue);
                    self.useless.push(issue);
                }
            }
        } else if !is_own {
            entry.without.add(body.len(), packed);
            let is_wanted = entry.without.bodies >= DICTIONARY_ISSUE_EVENTS_MIN;
            if is_wanted && fits && !entry.is_asked && now_ms >= entry.rests_until_ms {
                self.offer(issue, body, false);
            }
        }
    }

    fn offer(&mut self, subject: Subject, body: &[u8], is_replacement: bool) {
        if let Some(entry) = self.entries.get_mut(&subject) {
            entry.is_asked = true;
        }
        self.offered_bytes += body.len();
        self.offers.push(Offer { subject, body: body.to_vec(), is_replacement });
    }

    /// When there are too many, the longer unused half of those without a dictionary is forgotten.
    fn make_room_for_entry(&mut self) {
        if self.entries.len() < DICTIONARY_SUBJECTS_MAX {
            return;
        }
        let is_kept = |subject: &Subject, entry: &Entry| {
            subject.hash.is_none() || entry.packer.is_some() || entry.is_asked || entry.useless_times > 0
        };
        let mut used: Vec<u64> =
            self.entries.iter().filter(|(subject, entry)| !is_kept(subject, entry)).map(|(_, e)| e.used_ms).collect();
        used.sort_unstable();
        let Some(middle) = used.get(used.len() / 2).copied() else {
            self.entries.retain(|_, entry| entry.useless_times == 0);
            return;
        };
        self.entries.retain(|subject, entry| is_kept(subject, entry) || entry.used_ms > middle);
    }

    fn ready(&self) -> impl Iterator<Item = (Subject, u64)> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.packer.is_some())
            .map(|(subject, entry)| (*subject, entry.used_ms))
    }

    fn put(&mut self, subject: Subject, packer: Packer) {
        self.take_packer(&subject);
        let memory = packer.memory();
        while self.ready_bytes + memory > DICTIONARIES_READY_BYTES_MAX {
            let Some((oldest, _)) = self.ready().min_by_key(|(_, used_ms)| *used_ms) else { break };
            self.take_packer(&oldest);
        }
        let now_ms = self.now_ms();
        let entry = self.entries.entry(subject).or_default();
        entry.used_ms = now_ms;
        entry.record = Record::default();
        (entry.is_asked, entry.is_missed) = (false, false);
        entry.packer = Some(Arc::new(packer));
        self.ready_bytes += memory;
    }

    fn take_packer(&mut self, subject: &Subject) {
        let Some(entry) = self.entries.get_mut(subject) else { return };
        if let Some(packer) = entry.packer.take() {
            self.ready_bytes -= packer.memory();
            entry.without = Tally::default();
            entry.is_asked = false;
        }
    }
}

impl Expanders {
    fn get(&mut self, id: i64) -> Option<Arc<Expander>> {
        self.uses += 1;
        let (expander, used) = self.entries.get_mut(&id)?;
        *used = self.uses;
        Some(expander.clone())
    }

    fn put(&mut self, id: i64, expander: Arc<Expander>) {
        self.bytes += expander.memory();
        if let Some((before, _)) = self.entries.insert(id, (expander, self.uses)) {
            self.bytes -= before.memory();
        }
        while self.bytes > EXPANDERS_BYTES_MAX && self.entries.len() > 1 {
            let oldest = self.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
            if let Some((gone, _)) = oldest.and_then(|id| self.entries.remove(&id)) {
                self.bytes -= gone.memory();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::body::{expand, expand_with};

    const PROJECT: ProjectId = ProjectId(1);

    /// Events of one bug are alike; those of two have only words in common.
    fn body(bug: u64, number: u64) -> Vec<u8> {
        let lines: String = (0..40)
            .map(|line| {
                let place = (bug * 7919 + line * 104_729) % 99_991;
                format!("{{\"function\":\"step_{place}\",\"lineno\":{place},\"vars\":{{\"order\":\"{number}\"}}}},")
            })
            .collect();
        format!("{{\"id\":{number},\"frames\":[{lines}0]}}").into_bytes()
    }

    fn hash(bug: u64) -> [u8; 16] {
        u128::from(bug).to_le_bytes()
    }

    fn subject(bug: u64) -> Subject {
        Subject { project_id: PROJECT, hash: Some(hash(bug)) }
    }

    fn send(bodies: &Bodies, bug: u64, numbers: std::ops::Range<u64>) -> CompressedBody {
        let send = |number| bodies.compress_event(PROJECT, Some(hash(bug)), &body(bug, number));
        numbers.fold(None, |_, number| Some(send(number))).unwrap()
    }

    /// As the keeper does it.
    fn take_up(bodies: &Bodies, id: i64) -> Vec<Offer> {
        let offers = bodies.take_offers(100);
        for offer in &offers {
            bodies.put(offer.subject, Packer::new(id, &offer.body, 1).unwrap());
        }
        offers
    }

    #[test]
    fn a_body_takes_its_issues_dictionary_then_its_projects_then_none() {
        let bodies = Bodies::default();
        assert_eq!(send(&bodies, 1, 0..1).codec, 1);
        let whole = Subject { project_id: PROJECT, hash: None };
        bodies.put(whole, Packer::new(16, &body(0, 0), 3).unwrap());
        assert_eq!(send(&bodies, 1, 1..5).codec, 16);
        assert_eq!(bodies.take_offers(9).len(), 0, "too few to pay");
        send(&bodies, 1, 5..6);
        assert_eq!(take_up(&bodies, 17).len(), 1);
        let kept = send(&bodies, 1, 6..7);
        assert_eq!(kept.codec, 17);
        let expander = Expander::new(&body(1, 5)).unwrap();
        assert_eq!(expand_with(&expander, &kept.bytes).unwrap(), body(1, 6));
        // Another project has nothing of it.
        let other = bodies.compress_event(ProjectId(2), Some(hash(1)), &body(1, 7));
        assert_eq!(expand(other.codec, &other.bytes).unwrap(), body(1, 7));
    }

    #[test]
    fn an_offer_is_made_once_until_it_is_answered() {
        let bodies = Bodies::default();
        send(&bodies, 1, 0..50);
        assert_eq!(bodies.take_offers(9).len(), 1);
        send(&bodies, 1, 50..100);
        assert_eq!(bodies.take_offers(9).len(), 0);
        bodies.decline(subject(1));
        send(&bodies, 1, 100..105);
        assert_eq!(bodies.take_offers(9).len(), 0);
        send(&bodies, 1, 105..106);
        assert_eq!(bodies.take_offers(9).len(), 1);
    }

    #[test]
    fn an_issue_that_changed_offers_another_and_one_without_a_pattern_gives_up() {
        let bodies = Bodies::default();
        send(&bodies, 1, 0..6);
        take_up(&bodies, 17);
        send(&bodies, 1, 6..60);
        assert_eq!(bodies.take_offers(9).len(), 0, "it does well");
        // A deployment: the same hash, other lines.
        for number in 60..110 {
            bodies.compress_event(PROJECT, Some(hash(1)), &body(2, number));
        }
        let offers = take_up(&bodies, 18);
        assert!(offers.len() == 1 && offers[0].is_replacement, "{}", offers.len());
        assert_eq!(send(&bodies, 1, 0..1).codec, 18);

        for number in 0..30 {
            bodies.compress_event(PROJECT, Some(hash(3)), &body(1000 + number, number));
            take_up(&bodies, 19);
        }
        assert_eq!(bodies.take_useless(), [subject(3)]);
        assert_eq!(bodies.compress_event(PROJECT, Some(hash(3)), &body(9, 9)).codec, 1);
        send(&bodies, 3, 0..100);
        assert_eq!(bodies.take_offers(9).len(), 0);
        // Not for ever: it may have been the time of a deployment.
        bodies.shelf().ahead_ms += DICTIONARY_RETRAIN_PAUSE_MS as u64;
        send(&bodies, 3, 0..1);
        assert_eq!(take_up(&bodies, 20).len(), 1);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let bodies = Bodies::default();
        let large = vec![b'x'; DICTIONARY_BODY_BYTES_MAX];
        for bug in 0..300 {
            for _ in 0..6 {
                bodies.compress_event(PROJECT, Some(hash(bug)), &large);
            }
            let offered: usize = bodies.shelf().offers.iter().map(|offer| offer.body.len()).sum();
            assert!(offered <= DICTIONARY_OFFERS_BYTES_MAX);
            if bug % 8 == 0 {
                take_up(&bodies, 20);
            }
            assert!(bodies.memory().0 <= DICTIONARIES_READY_BYTES_MAX);
        }
        let small = vec![b'y'; DICTIONARY_BODY_BYTES_MIN - 1];
        for bug in 0..20_000 {
            bodies.compress_event(PROJECT, Some(hash(1_000_000 + bug)), &small);
            assert!(bodies.shelf().entries.len() <= DICTIONARY_SUBJECTS_MAX);
        }
        for id in 0..300 {
            let known = bodies.expander(id, || Expander::new(&large).ok_or(()));
            assert!(known.is_ok() && bodies.memory().1 <= EXPANDERS_BYTES_MAX);
        }
        bodies.shelf().ahead_ms += 1_000;
        bodies.forget_unused(1);
        assert_eq!(bodies.memory().0, 0);
    }
}
