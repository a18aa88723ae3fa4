//! What a server did to its disk, as the shim wrote it down, and what a disk may hold when the power goes at one moment
//! of it.
//!
//! The disk is believed as little as POSIX allows: only what was synced is certain. Of the rest, each write may have
//! reached it or not, in any order, and any sector of it alone; so may every cut of a file. A name is certain when its
//! directory was synced.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// A trace, record by record.
pub struct Timeline {
    bytes: Vec<u8>,
    pub records: Vec<Record>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub kind: u8,
    /// Inode, or port of the peer.
    pub file: u64,
    /// Offset, length, or status.
    pub at: u64,
    data: Range<usize>,
}

impl Timeline {
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("the shim wrote a trace: is the binary linked with the system's libc?");
        let mut records = Vec::new();
        let mut place = 0;
        let number = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        while place + 24 <= bytes.len() {
            let length = u32::from_ne_bytes(bytes[place + 4..place + 8].try_into().unwrap()) as usize;
            let data = place + 24..place + 24 + length;
            records.push(Record {
                kind: bytes[place],
                file: number(place + 8),
                at: number(place + 16),
                data: data.clone(),
            });
            place = data.end;
        }
        assert_eq!(place, bytes.len(), "the trace ends in the middle of a record");
        Self { bytes, records }
    }

    fn text(&self, record: &Record) -> String {
        String::from_utf8_lossy(&self.bytes[record.data.clone()]).into_owned()
    }

    /// Where in the timeline answers of that status began to be sent: by port, in order.
    pub fn answers(&self) -> HashMap<u16, Vec<(usize, u16)>> {
        let mut answers: HashMap<u16, Vec<(usize, u16)>> = HashMap::new();
        for (place, record) in self.records.iter().enumerate().filter(|(_, record)| record.kind == b'A') {
            answers.entry(record.file as u16).or_default().push((place, record.at as u16));
        }
        answers
    }
}

#[derive(Clone)]
enum Op {
    Write { at: u64, data: Range<usize> },
    Cut(u64),
}

#[derive(Default)]
struct File {
    certain: Vec<u8>,
    open: Vec<Op>,
    /// How many of the open ones were there when the sync under way began.
    syncing: usize,
}

#[derive(Clone, Debug)]
enum NameOp {
    Link(String, usize),
    Unlink(String),
    Make(String),
}

impl NameOp {
    fn name(&self) -> &str {
        match self {
            Self::Link(name, _) | Self::Unlink(name) | Self::Make(name) => name,
        }
    }
}

/// The disk at one moment of the timeline.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    by_inode: HashMap<u64, usize>,
    directories: HashMap<u64, String>,
    /// As the running program sees them.
    names: BTreeMap<String, usize>,
    certain_names: BTreeMap<String, Option<usize>>,
    open_names: Vec<NameOp>,
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Disk {
    /// Does what the next record says.
    pub fn step(&mut self, timeline: &Timeline, record: &Record) {
        match record.kind {
            b'C' => {
                let (name, file) = (timeline.text(record), self.files.len());
                self.files.push(File::default());
                self.by_inode.insert(record.file, file);
                self.names.insert(name.clone(), file);
                self.open_names.push(NameOp::Link(name, file));
            }
            b'D' => {
                self.directories.insert(record.file, timeline.text(record));
            }
            b'M' => self.open_names.push(NameOp::Make(timeline.text(record))),
            b'U' => {
                self.names.remove(&timeline.text(record));
                self.open_names.push(NameOp::Unlink(timeline.text(record)));
            }
            b'R' => {
                let pair = timeline.text(record);
                let (from, to) = pair.split_once('\n').expect("two names");
                let file = self.names.remove(from).expect("a name that is there");
                self.names.insert(to.to_string(), file);
                self.open_names.push(NameOp::Link(to.to_string(), file));
                self.open_names.push(NameOp::Unlink(from.to_string()));
            }
            b'W' => {
                let op = Op::Write { at: record.at, data: record.data.clone() };
                self.file(record).open.push(op);
            }
            b'T' => self.file(record).open.push(Op::Cut(record.at)),
            b'B' if !self.directories.contains_key(&record.file) => {
                let file = self.file(record);
                file.syncing = file.open.len();
            }
            b'S' => self.sync(timeline, record),
            _ => {}
        }
    }

    fn file(&mut self, record: &Record) -> &mut File {
        let file = self.by_inode.get(&record.file).expect("a file that was made in this trace");
        &mut self.files[*file]
    }

    fn sync(&mut self, timeline: &Timeline, record: &Record) {
        if let Some(directory) = self.directories.get(&record.file) {
            let (certain, open) =
                std::mem::take(&mut self.open_names).into_iter().partition(|op| parent(op.name()) == *directory);
            self.open_names = open;
            let certain: Vec<NameOp> = certain;
            certain.iter().for_each(|op| apply_name(&mut self.certain_names, op));
            return;
        }
        let file = self.file(record);
        let syncing = std::mem::take(&mut file.syncing).min(file.open.len());
        let ops: Vec<Op> = file.open.drain(..syncing).collect();
        ops.iter().for_each(|op| apply(&mut file.certain, timeline, op, |_| true));
    }

    /// Writes one of the many states the disk may be in after a power cut now into `dir`.
    pub fn write_crashed(&self, timeline: &Timeline, dir: &Path, chance: &mut Chance) {
        let luck = Luck::draw(chance);
        let mut names = self.certain_names.clone();
        for op in &self.open_names {
            if luck.keeps(chance) {
                apply_name(&mut names, op);
            }
        }
        let directories: BTreeSet<&String> =
            names.iter().filter(|(_, file)| file.is_none()).map(|(name, _)| name).collect();
        for directory in &directories {
            std::fs::create_dir_all(dir.join(directory)).unwrap();
        }
        for (name, file) in names.iter().filter_map(|(name, file)| Some((name, (*file)?))) {
            let parent = parent(name).to_string();
            if !parent.is_empty() && !directories.contains(&parent) {
                continue;
            }
            std::fs::write(dir.join(name), self.crashed_file(timeline, file, &luck, chance)).unwrap();
        }
    }

    fn crashed_file(&self, timeline: &Timeline, file: usize, luck: &Luck, chance: &mut Chance) -> Vec<u8> {
        let file = &self.files[file];
        let mut bytes = file.certain.clone();
        // As one long queue: everything up to a point, and that one perhaps torn. Or each for itself.
        let last = luck.in_order.then(|| chance.below(file.open.len() as u64 + 1) as usize);
        for (place, op) in file.open.iter().enumerate() {
            match last {
                Some(last) if place > last => break,
                Some(last) if place < last => apply(&mut bytes, timeline, op, |_| true),
                Some(_) => apply(&mut bytes, timeline, op, |_| chance.below(2) == 0),
                None if luck.is_torn => {
                    if luck.keeps(chance) {
                        apply(&mut bytes, timeline, op, |_| luck.keeps(chance));
                    }
                }
                None => {
                    if luck.keeps(chance) {
                        apply(&mut bytes, timeline, op, |_| true);
                    }
                }
            }
        }
        bytes
    }
}

/// What this crash does to what is not certain.
struct Luck {
    in_order: bool,
    is_torn: bool,
    /// Of a hundred.
    kept: u64,
}

impl Luck {
    fn draw(chance: &mut Chance) -> Self {
        let kept = [0, 10, 50, 90, 100][chance.below(5) as usize];
        Self { in_order: chance.below(3) == 0, is_torn: chance.below(2) == 0, kept }
    }

    fn keeps(&self, chance: &mut Chance) -> bool {
        chance.below(100) < self.kept
    }
}

fn apply_name(names: &mut BTreeMap<String, Option<usize>>, op: &NameOp) {
    match op {
        NameOp::Link(name, file) => names.insert(name.clone(), Some(*file)),
        NameOp::Unlink(name) => names.remove(name),
        NameOp::Make(name) => names.insert(name.clone(), None),
    };
}

/// Does what of `op` reached the disk: `keeps` is asked for every sector.
fn apply(bytes: &mut Vec<u8>, timeline: &Timeline, op: &Op, mut keeps: impl FnMut(usize) -> bool) {
    match op {
        Op::Cut(length) => {
            if keeps(0) {
                bytes.resize(*length as usize, 0);
            }
        }
        Op::Write { at, data } => {
            let (start, data) = (*at as usize, &timeline.bytes[data.clone()]);
            let mut place = 0;
            while place < data.len() {
                let end = ((start + place) / SECTOR * SECTOR + SECTOR - start).min(data.len());
                if keeps((start + place) / SECTOR) {
                    if bytes.len() < start + end {
                        bytes.resize(start + end, 0);
                    }
                    bytes[start + place..start + end].copy_from_slice(&data[place..end]);
                }
                place = end;
            }
        }
    }
}

/// Numbers that look like chance and are the same in every run of the same seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end.max(1)
    }
}
