//! Events that are kept are compressed once more, with what was learned since they came.
//!
//! Owns the chore that does it and how far it has got. What is worth it is decided in [`super::repack_rules`]; which
//! dictionary is in use for what comes in is none of its business ([`super::dictionaries`]).
//!
//! It goes through events in the order of their ids, each once: a server that has nothing new looks at one number. What
//! comes of it is worked out here, beside the writer, expanded again and compared, and then put in the place of what was
//! read, if that is still there. So a stop at any point costs nothing but the work. A project that is trained anew does not
//! make all of its events worth a second writing; those of a bug have its own dictionary by then.
//!
//! A row is deleted and inserted again rather than updated: SQLite joins pages that deleting leaves two thirds empty, but
//! not those that updating does, so that smaller bodies in the same rows would leave the file as large as it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params, params_from_iter};

use super::StoreError;
use super::bodies::Subject;
use super::body::{CompressedBody, DICTIONARY_ID_MIN, Expander, Packer, compress_with, expand_with};
use super::dictionaries::{
    NewDictionary, age_max_ms, count_dictionaries, expand_event, forget_packers, insert_retired, project_packer,
    read_content,
};
use super::keeper::{Keeper, Progress};
use super::repack_rules::{Kept, gets_dictionary, is_wanted, is_well_packed, is_young, pays, rest, turn};
use super::reports;
use crate::config::{
    DICTIONARIES_MAX, DICTIONARY_BODY_BYTES_MAX, DICTIONARY_BODY_BYTES_MIN, DICTIONARY_CONTENT_LEVEL, REPACK_AFTER_MS,
    REPACK_EVENTS_MAX, REPACK_ISSUE_LEVEL, REPACK_ISSUES_REMEMBERED, REPACK_LOOK_MS, REPACK_OLDER_MAX,
    REPACK_PROJECT_LEVEL, SLICE_MS,
};
use crate::model::ids::{ProjectId, ServerIds};

/// The setting that says up to which id every event was looked at.
const REACHED: &str = "repacked_to";
/// Between two times that is written down when nothing else is, so that looking costs no commits.
const REACHED_EVERY: Duration = Duration::from_secs(60);

/// Rows and dictionaries of one slice, which ends earlier when its time is up; half of that is for the commit.
const SLICE_ROWS: usize = 64;
const SLICE_DICTIONARIES: usize = 32;
const SLICE: Duration = Duration::from_millis(SLICE_MS / 2);

/// What the chore remembers from one turn to the next.
#[derive(Default)]
pub(super) struct Repacking {
    reached: Option<Reached>,
    written: Option<Instant>,
    /// And these beyond it.
    done: HashSet<i64>,
    /// Issues whose events from before their dictionary have it, too.
    settled: HashSet<i64>,
    /// Dictionaries up to this id were looked at since the start, or since the last look began anew.
    contents_to: i64,
    rests_until: Option<Instant>,
}

/// How far it has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    /// Every event up to this id was looked at.
    to: i64,
    /// And up to this one before, when it began anew: what has a dictionary of its issue has it for good.
    before: i64,
}

/// An event as it was found.
#[derive(Clone, Copy, Debug)]
struct Found {
    id: i64,
    project_id: ProjectId,
    issue_id: i64,
    received_ms: i64,
    codec: i64,
    kept: Kept,
}

/// What a body is compressed with now.
#[derive(Clone, Copy, Debug, PartialEq)]
enum With {
    Known(i64),
    /// By its place among those that are to be written.
    New(usize),
}

/// A smaller body for an event.
#[derive(Debug)]
struct Replacement {
    id: i64,
    codec_before: i64,
    bytes_before: usize,
    with: With,
    body: Vec<u8>,
}

/// A dictionary about to be written.
struct Made {
    new: NewDictionary,
    issue_id: i64,
    created_ms: i64,
    /// The newest event that gets it.
    last_id: i64,
}

/// What comes of one turn.
#[derive(Default)]
struct Turn {
    is_busy: bool,
    dictionaries_left: u64,
    made: Vec<Made>,
    replacements: Vec<Replacement>,
}

/// One turn: the next events, as many as fit into it.
pub(super) fn repack(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let begun = Instant::now();
    if keeper.repacking.rests_until.is_some_and(|until| begun < until) {
        return Ok(Progress::Idle);
    }
    let reached = match keeper.repacking.reached {
        Some(reached) => reached,
        None => read_reached(&keeper.reader)?,
    };
    if repack_contents(keeper)? {
        keeper.repacking.rests_until = Some(Instant::now() + rest(begun.elapsed(), keeper.is_ingest_busy()));
        return Ok(Progress::More);
    }
    let found = read_next(keeper, reached.to)?;
    let is_whole = found.len() < REPACK_EVENTS_MAX;
    let Some(last) = found.last().map(|event| event.id) else {
        keeper.repacking.rests_until = Some(begun + Duration::from_millis(REPACK_LOOK_MS));
        forget_packers(keeper);
        return Ok(Progress::Idle);
    };
    let mut turn_of = Turn {
        is_busy: keeper.is_ingest_busy(),
        dictionaries_left: DICTIONARIES_MAX.saturating_sub(count_dictionaries(&keeper.reader)?),
        ..Turn::default()
    };
    let mut now_reached = Reached { to: last, ..reached };
    for (issue_id, events) in by_issue(&found) {
        if begun.elapsed() > turn(turn_of.is_busy) || keeper.is_stopping() {
            now_reached.to = events[0].id - 1;
            break;
        }
        let events: Vec<Found> = events.into_iter().filter(|it| !keeper.repacking.done.contains(&it.id)).collect();
        repack_issue(keeper, &mut turn_of, issue_id, &events, reached)?;
        keeper.repacking.done.extend(events.iter().map(|event| event.id));
    }
    let is_busy = turn_of.is_busy || keeper.is_ingest_busy();
    write(keeper, turn_of, now_reached)?;
    keeper.repacking.reached = Some(now_reached);
    keeper.repacking.done.retain(|id| *id > now_reached.to);
    let pause = if is_whole && now_reached.to == last { Duration::from_millis(REPACK_LOOK_MS) } else { Duration::ZERO };
    keeper.repacking.rests_until = Some(Instant::now() + pause.max(rest(begun.elapsed(), is_busy)));
    Ok(Progress::More)
}

/// Begins anew, since a project has its first dictionary: what came before it, and is the only one of its bug, was left as
/// it was.
pub(super) fn look_again(keeper: &mut Keeper) -> Result<(), StoreError> {
    keeper.write(|tx, _| {
        let reached = read_reached(tx)?;
        write_reached(tx, Reached { to: 0, before: reached.to.max(reached.before) })
    })?;
    keeper.repacking = Repacking::default();
    Ok(())
}

/// What is imported may have ids from long ago.
pub(super) fn forget_reached(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM setting WHERE key = :key", named_params! { ":key": REACHED })?;
    Ok(())
}

fn read_reached(reader: &Connection) -> Result<Reached, StoreError> {
    let mut statement = reader.prepare_cached("SELECT value FROM setting WHERE key = :key")?;
    let text: Option<String> = statement.query_row(named_params! { ":key": REACHED }, |row| row.get(0)).optional()?;
    let mut numbers = text.iter().flat_map(|text| text.split(' ')).map(|number| number.parse().unwrap_or(0));
    Ok(Reached { to: numbers.next().unwrap_or(0), before: numbers.next().unwrap_or(0) })
}

/// Events from `reached` on that have been there for a moment, without their bodies.
fn read_next(keeper: &Keeper, reached: i64) -> Result<Vec<Found>, StoreError> {
    let mut statement = keeper.reader.prepare_cached(
        "SELECT id, project_id, issue_id, received_ms, body_codec FROM event
         WHERE id > :reached AND id < :before ORDER BY id LIMIT :limit",
    )?;
    let before = ServerIds::first_of(keeper.now_ms() - REPACK_AFTER_MS);
    let rows: Vec<(i64, ProjectId, i64, i64, i64)> = statement
        .query_map(
            named_params! { ":reached": reached, ":before": before, ":limit": REPACK_EVENTS_MAX as i64 },
            |row| Ok((row.get(0)?, ProjectId(row.get(1)?), row.get(2)?, row.get(3)?, row.get(4)?)),
        )?
        .collect::<Result<_, _>>()?;
    with_kept(&keeper.reader, rows)
}

/// The newest events of an issue up to `reached`.
fn read_older(reader: &Connection, issue_id: i64, reached: i64) -> Result<Vec<Found>, StoreError> {
    let mut statement = reader.prepare_cached(
        "SELECT id, project_id, issue_id, received_ms, body_codec FROM event
         WHERE issue_id = :issue_id AND id <= :reached ORDER BY id DESC LIMIT :limit",
    )?;
    let rows: Vec<(i64, ProjectId, i64, i64, i64)> = statement
        .query_map(
            named_params! { ":issue_id": issue_id, ":reached": reached, ":limit": REPACK_OLDER_MAX as i64 },
            |row| Ok((row.get(0)?, ProjectId(row.get(1)?), row.get(2)?, row.get(3)?, row.get(4)?)),
        )?
        .collect::<Result<_, _>>()?;
    let mut found = with_kept(reader, rows)?;
    found.retain(|event| !matches!(event.kept, Kept::Issue(_)));
    found.reverse();
    Ok(found)
}

fn with_kept(reader: &Connection, rows: Vec<(i64, ProjectId, i64, i64, i64)>) -> Result<Vec<Found>, StoreError> {
    let mut statement = reader.prepare_cached("SELECT issue_id IS NOT NULL FROM dictionary WHERE id = :id")?;
    let mut known: HashMap<i64, Kept> = HashMap::new();
    let mut found = Vec::with_capacity(rows.len());
    for (id, project_id, issue_id, received_ms, codec) in rows {
        let kept = match known.get(&codec) {
            Some(kept) => *kept,
            None if codec < DICTIONARY_ID_MIN => Kept::Plain,
            None => {
                let is_of_issue: Option<bool> =
                    statement.query_row(named_params! { ":id": codec }, |row| row.get(0)).optional()?;
                // One that is lost makes an event that cannot be read, and is left alone.
                if is_of_issue.unwrap_or(true) { Kept::Issue(codec) } else { Kept::Project(codec) }
            }
        };
        known.insert(codec, kept);
        found.push(Found { id, project_id, issue_id, received_ms, codec, kept });
    }
    Ok(found)
}

/// Dictionaries of issues from before their project had one: they are three times as large as with it. True when there
/// was one.
fn repack_contents(keeper: &mut Keeper) -> Result<bool, StoreError> {
    let mut statement = keeper.reader.prepare_cached(
        "SELECT dictionary.id, issue.project_id FROM dictionary JOIN issue ON issue.id = dictionary.issue_id
         WHERE dictionary.id > :after AND content_codec = 1 AND issue_id IS NOT NULL
         ORDER BY dictionary.id LIMIT :limit",
    )?;
    let found: Vec<(i64, ProjectId)> = statement
        .query_map(
            named_params! { ":after": keeper.repacking.contents_to, ":limit": SLICE_DICTIONARIES as i64 },
            |row| Ok((row.get(0)?, ProjectId(row.get(1)?))),
        )?
        .collect::<Result<_, _>>()?;
    drop(statement);
    let mut smaller: Vec<(i64, CompressedBody)> = Vec::new();
    for (id, project_id) in &found {
        let Some(packer) = project_packer(keeper, *project_id, DICTIONARY_CONTENT_LEVEL)? else { continue };
        let content = match read_content(&keeper.reader, &keeper.bodies, *id) {
            Err(StoreError::BadBody(_)) => continue,
            other => other?,
        };
        let packed = compress_with(Some(&packer), &content);
        if expand_event(&keeper.reader, &keeper.bodies, packed.codec, &packed.bytes)? == content {
            smaller.push((*id, packed));
        }
    }
    if !smaller.is_empty() {
        keeper.write(move |tx, _| {
            let mut statement = tx.prepare_cached(
                "UPDATE dictionary SET content = :content, content_codec = :codec
                 WHERE id = :id AND content_codec = 1 AND length(content) > length(:content)
                     AND EXISTS (SELECT 1 FROM dictionary AS other WHERE other.id = :codec)",
            )?;
            for (id, packed) in &smaller {
                statement.execute(named_params! { ":id": id, ":content": packed.bytes, ":codec": packed.codec })?;
            }
            Ok(())
        })?;
    }
    let last = found.last().map(|(id, _)| *id);
    keeper.repacking.contents_to = last.unwrap_or(keeper.repacking.contents_to);
    Ok(last.is_some())
}

/// In the order of their first events.
fn by_issue(found: &[Found]) -> Vec<(i64, Vec<Found>)> {
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut issues: Vec<(i64, Vec<Found>)> = Vec::new();
    for event in found {
        let place = *places.entry(event.issue_id).or_insert_with(|| {
            issues.push((event.issue_id, Vec::new()));
            issues.len() - 1
        });
        issues[place].1.push(*event);
    }
    issues
}

/// A dictionary of an issue at hand.
struct Tools {
    with: With,
    packer: Packer,
    expander: Expander,
}

impl Tools {
    fn new(with: With, content: &[u8]) -> Option<Self> {
        // The codec is that of the row it is written to, when it is known.
        let packer = Packer::new(DICTIONARY_ID_MIN, content, REPACK_ISSUE_LEVEL)?;
        Some(Self { with, packer, expander: Expander::new(content)? })
    }

    fn known(keeper: &Keeper, id: i64) -> Result<Option<Self>, StoreError> {
        match read_content(&keeper.reader, &keeper.bodies, id) {
            Ok(content) => Ok(Self::new(With::Known(id), &content)),
            Err(StoreError::BadBody(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

fn repack_issue(
    keeper: &mut Keeper,
    turn: &mut Turn,
    issue_id: i64,
    events: &[Found],
    reached: Reached,
) -> Result<(), StoreError> {
    let (own, mut without): (Vec<Found>, Vec<Found>) =
        events.iter().partition(|event| matches!(event.kept, Kept::Issue(_)));
    let is_settled = keeper.repacking.settled.contains(&issue_id);
    if !is_settled {
        let mut older = read_older(&keeper.reader, issue_id, reached.to)?;
        older.append(&mut without);
        without = older;
    }
    let mut tools: HashMap<i64, Option<Tools>> = HashMap::new();
    if without.is_empty() {
        settle(keeper, issue_id);
    } else if let Some(id) = usable_dictionary(keeper, issue_id, &without)? {
        let known = Tools::known(keeper, id)?;
        if let Some(known) = &known {
            for event in &without {
                repack_event(keeper, turn, event, Some(known))?;
            }
            settle(keeper, issue_id);
            without.clear();
        }
        tools.insert(id, known);
    } else if gets_dictionary(without.len()) && turn.dictionaries_left > 0 && make(keeper, turn, issue_id, &without)? {
        settle(keeper, issue_id);
        without.clear();
    }
    // Those of the issue's past were here before.
    let is_busy = turn.is_busy;
    for event in without.iter().filter(|event| event.id > reached.to && is_wanted(event.kept, false, is_busy)) {
        repack_event(keeper, turn, event, None)?;
    }
    for event in own.iter().filter(|event| event.id > reached.before && is_wanted(event.kept, true, is_busy)) {
        let known = match tools.entry(event.codec) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(Tools::known(keeper, event.codec)?),
        };
        if let Some(known) = known {
            repack_event(keeper, turn, event, Some(known))?;
        }
    }
    Ok(())
}

fn settle(keeper: &mut Keeper, issue_id: i64) {
    // Forgetting costs another look at them.
    if keeper.repacking.settled.len() >= REPACK_ISSUES_REMEMBERED {
        keeper.repacking.settled.clear();
    }
    keeper.repacking.settled.insert(issue_id);
}

/// The issue's newest dictionary, if it will be there for as long as these events.
fn usable_dictionary(keeper: &Keeper, issue_id: i64, events: &[Found]) -> Result<Option<i64>, StoreError> {
    let Some(newest) = events.iter().map(|event| event.id).max() else { return Ok(None) };
    let mut statement = keeper.reader.prepare_cached(
        "SELECT id, created_ms, retired_id FROM dictionary WHERE issue_id = :issue_id ORDER BY id DESC LIMIT 1",
    )?;
    let found: Option<(i64, i64, Option<i64>)> = statement
        .query_row(named_params! { ":issue_id": issue_id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let is_usable = |(_, created_ms, retired_id): &(i64, i64, Option<i64>)| match retired_id {
        None => true,
        Some(retired_id) => newest <= *retired_id || is_young(*created_ms, keeper.now_ms(), age_max_ms(keeper)),
    };
    Ok(found.filter(is_usable).map(|(id, ..)| id))
}

/// Makes the issue's newest event its dictionary; false when that would serve none of the others.
fn make(keeper: &mut Keeper, turn: &mut Turn, issue_id: i64, events: &[Found]) -> Result<bool, StoreError> {
    let Some(source) = events.last() else { return Ok(false) };
    let Some((content, _)) = read_body(keeper, source)? else { return Ok(false) };
    if !(DICTIONARY_BODY_BYTES_MIN..=DICTIONARY_BODY_BYTES_MAX).contains(&content.len()) {
        return Ok(false);
    }
    let with = With::New(turn.made.len());
    let Some(tools) = Tools::new(with, &content) else { return Ok(false) };
    let before = turn.replacements.len();
    for event in events {
        repack_event(keeper, turn, event, Some(&tools))?;
    }
    let served = turn.replacements[before..].iter().filter(|replacement| replacement.with == with).count();
    if !gets_dictionary(served) {
        turn.replacements.truncate(before);
        return Ok(false);
    }
    let packer = project_packer(keeper, source.project_id, DICTIONARY_CONTENT_LEVEL)?;
    let subject = Subject { project_id: source.project_id, hash: None };
    turn.made.push(Made {
        new: NewDictionary::new(subject, &content, 0, packer.as_deref()),
        issue_id,
        created_ms: source.received_ms.min(keeper.now_ms()),
        last_id: source.id,
    });
    turn.dictionaries_left -= 1;
    Ok(true)
}

/// The body, and how many bytes it takes; `None` when it is gone or cannot be read, which whoever opens it is told.
fn read_body(keeper: &Keeper, event: &Found) -> Result<Option<(Vec<u8>, usize)>, StoreError> {
    let mut statement =
        keeper.reader.prepare_cached("SELECT body FROM event WHERE id = :id AND body_codec = :codec")?;
    let packed: Option<Vec<u8>> =
        statement.query_row(named_params! { ":id": event.id, ":codec": event.codec }, |row| row.get(0)).optional()?;
    let Some(packed) = packed else { return Ok(None) };
    match expand_event(&keeper.reader, &keeper.bodies, event.codec, &packed) {
        Ok(body) => Ok(Some((body, packed.len()))),
        Err(StoreError::BadBody(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Tries the issue's dictionary and, where that does not do well, the project's.
fn repack_event(
    keeper: &mut Keeper,
    turn: &mut Turn,
    event: &Found,
    of_issue: Option<&Tools>,
) -> Result<(), StoreError> {
    let Some((body, bytes_before)) = read_body(keeper, event)? else { return Ok(()) };
    let mut best: Option<(With, CompressedBody)> = None;
    if let Some(tools) = of_issue {
        let packed = compress_with(Some(&tools.packer), &body);
        if expand_with(&tools.expander, &packed.bytes).is_ok_and(|again| again == body) {
            best = Some((tools.with, packed));
        } else {
            tracing::error!(event = event.id, "an event did not come back from compressing and is left as it was");
        }
    }
    let is_well = best.as_ref().is_some_and(|(_, packed)| is_well_packed(body.len(), packed.bytes.len()));
    if !is_well && let Some(packer) = project_packer(keeper, event.project_id, REPACK_PROJECT_LEVEL)? {
        let packed = compress_with(Some(&packer), &body);
        let is_smaller = best.as_ref().is_none_or(|(_, best)| packed.bytes.len() < best.bytes.len());
        let again = || expand_event(&keeper.reader, &keeper.bodies, packed.codec, &packed.bytes);
        if is_smaller && again().is_ok_and(|again| again == body) {
            best = Some((With::Known(packed.codec), packed));
        }
    }
    if let Some((with, packed)) = best.filter(|(_, packed)| pays(bytes_before, packed.bytes.len())) {
        turn.replacements.push(Replacement {
            id: event.id,
            codec_before: event.codec,
            bytes_before,
            with,
            body: packed.bytes,
        });
    }
    Ok(())
}

/// Dictionaries first, then the rows in their order, then how far it has got.
fn write(keeper: &mut Keeper, mut turn: Turn, reached: Reached) -> Result<(), StoreError> {
    let is_due = keeper.repacking.written.is_none_or(|written| written.elapsed() > REACHED_EVERY);
    let mut ids = Vec::with_capacity(turn.made.len());
    while !turn.made.is_empty() {
        let some: Vec<Made> = turn.made.drain(..turn.made.len().min(SLICE_DICTIONARIES)).collect();
        ids.extend(keeper.write(move |tx, _| {
            let insert = |made: &Made| insert_retired(tx, &made.new, made.issue_id, made.created_ms, made.last_id);
            some.iter().map(insert).collect::<Result<Vec<i64>, _>>()
        })?);
    }
    turn.replacements.sort_unstable_by_key(|replacement| replacement.id);
    let rows: Arc<Vec<(Replacement, i64)>> = Arc::new(
        turn.replacements
            .into_iter()
            .map(|replacement| {
                let codec = match replacement.with {
                    With::Known(id) => id,
                    With::New(place) => ids[place],
                };
                (replacement, codec)
            })
            .collect(),
    );
    if rows.is_empty() {
        if is_due {
            keeper.write(move |tx, _| write_reached(tx, reached))?;
            keeper.repacking.written = Some(Instant::now());
        }
        return Ok(());
    }
    let mut from = 0;
    while from < rows.len() && !keeper.is_stopping() {
        let rows = rows.clone();
        from = keeper.write(move |tx, _| {
            let started = Instant::now();
            let mut place = from;
            while place < rows.len() && place - from < SLICE_ROWS && (place == from || started.elapsed() < SLICE) {
                replace(tx, &rows[place].0, rows[place].1)?;
                place += 1;
            }
            if place == rows.len() {
                write_reached(tx, reached)?;
            }
            Ok(place)
        })?;
    }
    keeper.repacking.written = Some(Instant::now());
    Ok(())
}

fn write_reached(tx: &Transaction<'_>, reached: Reached) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO setting (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value",
    )?;
    let value = format!("{} {}", reached.to, reached.before);
    statement.execute(named_params! { ":key": REACHED, ":value": value })?;
    Ok(())
}

/// Puts the smaller body in the place of the larger one, if that is still there, and sees to it that its dictionary stays
/// for as long as it does.
fn replace(tx: &Transaction<'_>, new: &Replacement, codec: i64) -> Result<(), StoreError> {
    let retired: Option<Option<i64>> = tx
        .prepare_cached("SELECT retired_id FROM dictionary WHERE id = :codec")?
        .query_row(named_params! { ":codec": codec }, |row| row.get(0))
        .optional()?;
    let Some(retired) = retired else { return Ok(()) };
    let mut statement = tx.prepare_cached(
        "SELECT id, project_id, event_id, issue_id, timestamp_ms, received_ms, kind, level, platform, title, culprit,
             release, environment, trace_id, span_id, grouping_version, body_bytes
         FROM event WHERE id = :id AND body_codec = :codec AND length(body) = :bytes",
    )?;
    let count = statement.column_count();
    let row: Option<Vec<Value>> = statement
        .query_row(
            named_params! { ":id": new.id, ":codec": new.codec_before, ":bytes": new.bytes_before as i64 },
            |row| (0..count).map(|column| row.get(column)).collect(),
        )
        .optional()?;
    let Some(row) = row else { return Ok(()) };
    if retired.is_some_and(|retired_id| retired_id < new.id) {
        tx.prepare_cached("UPDATE dictionary SET retired_id = :id WHERE id = :codec")?
            .execute(named_params! { ":id": new.id, ":codec": codec })?;
    }
    // What would go with the row is set aside.
    reports::move_all(tx, new.id, -new.id, &row[TRACE_ID])?;
    tx.prepare_cached("DELETE FROM event WHERE id = :id")?.execute(named_params! { ":id": new.id })?;
    // By their places: they are carried over, whatever they are.
    let mut statement = tx.prepare_cached(
        "INSERT INTO event (id, project_id, event_id, issue_id, timestamp_ms, received_ms, kind, level, platform, title,
             culprit, release, environment, trace_id, span_id, grouping_version, body_bytes, body_codec, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let trace_id = row[TRACE_ID].clone();
    let values = row.into_iter().chain([Value::Integer(codec), Value::Blob(new.body.clone())]);
    statement.execute(params_from_iter(values))?;
    reports::move_all(tx, -new.id, new.id, &trace_id)
}

/// Place of the trace's id among the columns of a row.
const TRACE_ID: usize = 13;

#[cfg(test)]
mod tests;
