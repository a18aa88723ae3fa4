//! Dictionaries on disk: made, taken up again after a start, and removed once nothing is compressed with them.
//!
//! Owns their two tables and the chore that tends them. When to do what is decided in [`super::dictionary_rules`]; which is
//! in use at a moment is known to [`super::bodies`]; what is there already is compressed once more by [`super::repack`].
//!
//! A body that names a dictionary is nothing without it. So a dictionary is on disk before the first body is compressed
//! with it. One that is replaced is first taken out of use, then noted as retired under a fresh server id, and removed
//! when all events there are have ids beyond that one by more than any request can last. That of an issue is compressed
//! with its project's, which stays for as long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _, Transaction, named_params};
use xxhash_rust::xxh3::xxh3_128;

use super::StoreError;
use super::bodies::{Bodies, Offer, ProjectSeen, Subject};
use super::body::{
    CODEC_ZSTD, CompressedBody, DICTIONARY_ID_MIN, Expander, Packer, compress_with, expand, expand_with,
};
use super::dictionary_rules::{Tally, Training, samples_per_issue, training_due};
use super::keeper::{Keeper, Progress};
use super::repack::look_again;
use super::repack_rules::is_young;
use crate::config::{
    DICTIONARIES_MAX, DICTIONARY_AGE_MAX_DAYS, DICTIONARY_BODY_BYTES_MAX, DICTIONARY_CONTENT_LEVEL, DICTIONARY_IDLE_MS,
    DICTIONARY_OFFERS_PER_LOOK, DICTIONARY_RETRAIN_PAUSE_MS, DICTIONARY_SAMPLES, DICTIONARY_SAMPLES_BYTES,
    DICTIONARY_SAMPLES_MIN, ISSUE_DICTIONARY_LEVEL, PROJECT_DICTIONARY_BYTES, PROJECT_DICTIONARY_LEVEL,
};
use crate::model::ids::{ProjectId, SERVER_IDS_PER_MS, ServerIds};
use crate::model::storage::StoredKind;

/// How much longer than any request a retired dictionary stays, in milliseconds.
const IN_FLIGHT_MS: i64 = 3_600_000;

/// Level for dictionaries that are compressed with no other: written once, so it may take a few milliseconds.
const CONTENT_ZSTD_LEVEL: i32 = 9;

/// Far above any dictionary; only a damaged length gets here.
const CONTENT_BYTES_MAX: i64 = 4 << 20;

/// One of so many samples is not trained on.
const HELD_BACK: usize = 8;

/// Dictionaries aged or removed at once.
const TIDY_ROWS: usize = 50;
const TIDY_EVERY_MS: i64 = 60_000;

const DAY_MS: i64 = 86_400_000;

/// What the chore remembers from one look to the next.
#[derive(Default)]
pub(super) struct Tending {
    projects: Vec<Tended>,
    tidied_ms: i64,
    /// Of projects, by id and level, for what is compressed at leisure.
    packers: HashMap<(i64, i32), Arc<Packer>>,
}

/// More than a few projects are not worked on at once.
const LEISURE_PACKERS_MAX: usize = 6;

struct Tended {
    project_id: ProjectId,
    /// Events there were before this start.
    events_before: u64,
    trained: Option<(u64, i64)>,
    /// A training came to nothing, or failed.
    not_before_ms: i64,
}

/// The dictionary bodies of a subject are compressed with.
struct InUse {
    id: i64,
    since_ms: i64,
    at_events: u64,
}

/// One look at everything: a few offers, at most one training.
pub(super) fn tend(keeper: &mut Keeper) -> Result<Progress, StoreError> {
    let offers = keeper.bodies.take_offers(DICTIONARY_OFFERS_PER_LOOK);
    let mut is_busy = offers.len() == DICTIONARY_OFFERS_PER_LOOK;
    let subjects: Vec<Subject> = offers.iter().map(|offer| offer.subject).collect();
    if let Err(error) = take_up(keeper, offers) {
        subjects.iter().for_each(|subject| keeper.bodies.decline(*subject));
        return Err(error);
    }
    for subject in keeper.bodies.take_useless() {
        keeper.write(move |tx, ids| retire_use(tx, ids, subject))?;
    }
    for seen in keeper.bodies.projects() {
        if keeper.is_stopping() {
            return Ok(Progress::Idle);
        }
        if tend_project(keeper, seen)? {
            is_busy = true;
            break;
        }
    }
    let now_ms = keeper.now_ms();
    if (now_ms - keeper.tending.tidied_ms).abs() >= TIDY_EVERY_MS {
        keeper.bodies.forget_unused(DICTIONARY_IDLE_MS);
        is_busy |= tidy(keeper, now_ms)?;
        keeper.tending.tidied_ms = now_ms;
    }
    Ok(if is_busy { Progress::More } else { Progress::Idle })
}

/// Issues' dictionaries: those on disk are made ready, those that are not are made of what was offered.
fn take_up(keeper: &mut Keeper, offers: Vec<Offer>) -> Result<(), StoreError> {
    if offers.is_empty() {
        return Ok(());
    }
    let mut wanted = Vec::new();
    let kept = count_dictionaries(&keeper.reader)?;
    for offer in offers {
        if !offer.is_replacement
            && (make_ready(keeper, offer.subject, ISSUE_DICTIONARY_LEVEL)? || adopt(keeper, &offer)?)
        {
            continue;
        }
        if kept + wanted.len() as u64 >= DICTIONARIES_MAX {
            tracing::debug!("no dictionary for an issue: there are as many as may be");
            keeper.bodies.decline(offer.subject);
            continue;
        }
        if offer.is_replacement {
            keeper.bodies.forget(offer.subject);
        }
        let packer = project_packer(keeper, offer.subject.project_id, DICTIONARY_CONTENT_LEVEL)?;
        wanted.push((NewDictionary::new(offer.subject, &offer.body, 0, packer.as_deref()), offer.body));
    }
    let (new, bodies): (Vec<NewDictionary>, Vec<Vec<u8>>) = wanted.into_iter().unzip();
    for ((subject, id), body) in write_all(keeper, new)?.into_iter().zip(bodies) {
        ready(&keeper.bodies, subject, id, &body, ISSUE_DICTIONARY_LEVEL);
    }
    Ok(())
}

/// Makes ready what is on disk for `subject`; false when there is nothing usable.
fn make_ready(keeper: &Keeper, subject: Subject, level: i32) -> Result<bool, StoreError> {
    let Some(in_use) = read_use(&keeper.reader, subject)? else { return Ok(false) };
    match read_content(&keeper.reader, &keeper.bodies, in_use.id) {
        Ok(content) => Ok(ready(&keeper.bodies, subject, in_use.id, &content, level)),
        Err(StoreError::BadBody(why)) => {
            tracing::error!(why, "a dictionary is lost, and the bodies of events compressed with it");
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

/// Takes for the issue what its events are kept with that were compressed once more; false when there is nothing that helps
/// with what comes in now.
fn adopt(keeper: &mut Keeper, offer: &Offer) -> Result<bool, StoreError> {
    let subject = offer.subject;
    let mut statement = keeper.reader.prepare_cached(
        "SELECT dictionary.id, dictionary.created_ms FROM issue_hash JOIN dictionary
             ON dictionary.issue_id = issue_hash.issue_id
         WHERE issue_hash.project_id = :project_id AND issue_hash.hash = :hash
         ORDER BY dictionary.id DESC LIMIT 1",
    )?;
    let found: Option<(i64, i64)> = statement
        .query_row(named_params! { ":project_id": subject.project_id.0, ":hash": hash_of(&subject) }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    drop(statement);
    // One that has but half its time left would soon have to be made anew.
    let half_ms = age_max_ms(keeper) / 2;
    let Some((id, created_ms)) = found.filter(|(_, made_ms)| is_young(*made_ms, keeper.now_ms(), half_ms)) else {
        return Ok(false);
    };
    let content = match read_content(&keeper.reader, &keeper.bodies, id) {
        Err(StoreError::BadBody(_)) => return Ok(false),
        other => other?,
    };
    let Some(packer) = Packer::new(id, &content, ISSUE_DICTIONARY_LEVEL) else { return Ok(false) };
    let of_project = project_packer(keeper, subject.project_id, PROJECT_DICTIONARY_LEVEL)?;
    let (mut with, mut without) = (Tally::default(), Tally::default());
    with.add(offer.body.len(), compress_with(Some(&packer), &offer.body).bytes.len());
    without.add(offer.body.len(), compress_with(of_project.as_deref(), &offer.body).bytes.len());
    if !with.is_below(85, &without) {
        return Ok(false);
    }
    keeper.write(move |tx, _| {
        let mut statement = tx.prepare_cached(
            "INSERT INTO dictionary_use (project_id, grouping_hash, dictionary_id, since_ms, at_events)
             VALUES (:project_id, :hash, :id, :created_ms, 0)
             ON CONFLICT (project_id, grouping_hash) DO UPDATE SET dictionary_id = :id, since_ms = :created_ms",
        )?;
        statement.execute(named_params! {
            ":project_id": subject.project_id.0, ":hash": hash_of(&subject), ":id": id, ":created_ms": created_ms,
        })?;
        tx.prepare_cached("UPDATE dictionary SET retired_id = NULL WHERE id = :id")?
            .execute(named_params! { ":id": id })?;
        Ok(())
    })?;
    keeper.bodies.put(subject, packer);
    Ok(true)
}

fn ready(bodies: &Bodies, subject: Subject, id: i64, content: &[u8], level: i32) -> bool {
    match Packer::new(id, content, level) {
        Some(packer) => {
            bodies.put(subject, packer);
            true
        }
        None => {
            bodies.decline(subject);
            false
        }
    }
}

/// Makes the project's dictionary ready or trains it; true when that took its time.
fn tend_project(keeper: &mut Keeper, seen: ProjectSeen) -> Result<bool, StoreError> {
    let subject = Subject { project_id: seen.project_id, hash: None };
    let place = match keeper.tending.projects.iter().position(|tended| tended.project_id == seen.project_id) {
        Some(place) => place,
        None => {
            let in_use = read_use(&keeper.reader, subject)?;
            keeper.tending.projects.push(Tended {
                project_id: seen.project_id,
                events_before: count_events(&keeper.reader, seen.project_id)?.saturating_sub(seen.seen),
                trained: in_use.map(|in_use| (in_use.at_events, in_use.since_ms)),
                not_before_ms: 0,
            });
            keeper.tending.projects.len() - 1
        }
    };
    let now_ms = keeper.now_ms();
    let tended = &mut keeper.tending.projects[place];
    if now_ms < tended.not_before_ms {
        return Ok(false);
    }
    let events = tended.events_before + seen.seen;
    let training = Training { events, trained: tended.trained, record: seen.record };
    let Some(reason) = training_due(&training, now_ms) else {
        if tended.trained.is_none() || !seen.is_missed {
            return Ok(false);
        }
        // After a start, or a while without a use for it.
        if !make_ready(keeper, subject, PROJECT_DICTIONARY_LEVEL)? {
            // Lost: as if it had never been.
            keeper.tending.projects[place].trained = None;
        }
        return Ok(true);
    };
    // Whatever comes of it, not again at once.
    tended.not_before_ms = now_ms + DICTIONARY_RETRAIN_PAUSE_MS;
    let begun = Instant::now();
    let samples = read_samples(&keeper.reader, &keeper.bodies, seen.project_id)?;
    let Some(new) = train(&samples) else { return Ok(true) };
    let before = match read_use(&keeper.reader, subject)? {
        Some(in_use) => read_content(&keeper.reader, &keeper.bodies, in_use.id).ok(),
        None => None,
    };
    let (with_new, with_old) = (pack_held_back(&samples, Some(&new)), pack_held_back(&samples, before.as_deref()));
    let trained_ms = begun.elapsed().as_millis() as u64;
    let is_better = with_new.is_below(97, &with_old);
    tracing::info!(
        project = %seen.project_id, reason, samples = samples.count, trained_ms, is_better,
        packed_bytes = with_new.packed_bytes, packed_bytes_before = with_old.packed_bytes, "trained a dictionary"
    );
    if is_better {
        keeper.bodies.forget(subject);
        let made = write_all(keeper, vec![NewDictionary::new(subject, &new, events, None)])?;
        if before.is_none() {
            look_again(keeper)?;
        }
        for (subject, id) in made {
            ready(&keeper.bodies, subject, id, &new, PROJECT_DICTIONARY_LEVEL);
        }
    } else if before.is_some() {
        keeper.write(move |tx, _| note_training(tx, subject, now_ms, events))?;
    }
    let tended = &mut keeper.tending.projects[place];
    if is_better || before.is_some() {
        tended.trained = Some((events, now_ms));
        tended.not_before_ms = 0;
    }
    Ok(true)
}

/// Bodies of one project.
#[derive(Default)]
struct Samples {
    count: usize,
    /// One after the other, as zstd wants them.
    bytes: Vec<u8>,
    sizes: Vec<usize>,
    /// Not trained on but compressed, to see what the training was good for.
    held_back: Vec<Vec<u8>>,
}

/// The newest bodies of each issue, as many of each, as far as they go.
fn read_samples(reader: &Connection, bodies: &Bodies, project_id: ProjectId) -> Result<Samples, StoreError> {
    let mut statement = reader.prepare_cached(
        "SELECT id FROM issue WHERE project_id = :project_id ORDER BY last_seen_ms DESC, id DESC LIMIT :limit",
    )?;
    let issues: Vec<i64> = statement
        .query_map(named_params! { ":project_id": project_id.0, ":limit": DICTIONARY_SAMPLES as i64 }, |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    let per_issue = samples_per_issue(issues.len(), DICTIONARY_SAMPLES);
    let mut statement = reader.prepare_cached(
        "SELECT body_codec, body FROM event WHERE issue_id = :issue_id ORDER BY id DESC LIMIT 1 OFFSET :turn",
    )?;
    let mut samples = Samples::default();
    let mut bytes = 0;
    // In turns: all of one issue after the other would spend the bytes on the first few.
    for turn in 0..per_issue {
        for issue in &issues {
            let row = statement
                .query_row(named_params! { ":issue_id": issue, ":turn": turn as i64 }, |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()?;
            let Some((codec, packed)) = row else { continue };
            // One that cannot be read is none; whoever opens the event is told.
            let Ok(mut body) = expand_event(reader, bodies, codec, &packed) else { continue };
            body.truncate(DICTIONARY_BODY_BYTES_MAX);
            bytes += body.len();
            if bytes > DICTIONARY_SAMPLES_BYTES || samples.count == DICTIONARY_SAMPLES {
                return Ok(samples);
            }
            if samples.count.is_multiple_of(HELD_BACK) {
                samples.held_back.push(body);
            } else {
                samples.bytes.extend_from_slice(&body);
                samples.sizes.push(body.len());
            }
            samples.count += 1;
        }
    }
    Ok(samples)
}

/// `None` when they are too few or too small to learn from.
fn train(samples: &Samples) -> Option<Vec<u8>> {
    if samples.count < DICTIONARY_SAMPLES_MIN {
        return None;
    }
    let size = PROJECT_DICTIONARY_BYTES.min(samples.bytes.len() / 4);
    match zstd::dict::from_continuous(&samples.bytes, &samples.sizes, size) {
        Ok(content) => Some(content),
        Err(error) => {
            tracing::debug!(%error, "a dictionary could not be trained");
            None
        }
    }
}

fn pack_held_back(samples: &Samples, content: Option<&[u8]>) -> Tally {
    let packer = content.and_then(|content| Packer::new(DICTIONARY_ID_MIN, content, PROJECT_DICTIONARY_LEVEL));
    let mut tally = Tally::default();
    for body in &samples.held_back {
        tally.add(body.len(), compress_with(packer.as_ref(), body).bytes.len());
    }
    tally
}

/// A dictionary about to be written.
pub(super) struct NewDictionary {
    subject: Subject,
    content_hash: [u8; 16],
    content_bytes: usize,
    packed: CompressedBody,
    at_events: u64,
}

impl NewDictionary {
    /// Compressed with its project's, when there is one; that of a project is compressed with none.
    pub(super) fn new(subject: Subject, content: &[u8], at_events: u64, packer: Option<&Packer>) -> Self {
        let packed = match packer {
            Some(packer) => compress_with(Some(packer), content),
            None => CompressedBody {
                bytes: zstd::bulk::compress(content, CONTENT_ZSTD_LEVEL).expect("compressing into a buffer of its own"),
                expanded_bytes: content.len(),
                codec: CODEC_ZSTD,
            },
        };
        Self { subject, content_hash: xxh3_128(content).to_be_bytes(), content_bytes: content.len(), packed, at_events }
    }
}

/// Writes one that nothing to come is compressed with: the events it is for are there already, up to `last_id`.
pub(super) fn insert_retired(
    tx: &Transaction<'_>,
    new: &NewDictionary,
    issue_id: i64,
    created_ms: i64,
    last_id: i64,
) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO dictionary
             (content_hash, created_ms, retired_id, content_bytes, content, content_codec, issue_id)
         VALUES (:content_hash, :created_ms, :retired_id, :content_bytes, :content, :content_codec, :issue_id)
         ON CONFLICT (content_hash) DO UPDATE SET
             retired_id = CASE WHEN retired_id < :retired_id THEN :retired_id ELSE retired_id END
         RETURNING id",
    )?;
    Ok(statement.query_row(
        named_params! {
            ":content_hash": &new.content_hash[..],
            ":created_ms": created_ms,
            ":retired_id": last_id,
            ":content_bytes": new.content_bytes as i64,
            ":content": new.packed.bytes,
            ":content_codec": new.packed.codec,
            ":issue_id": issue_id,
        },
        |row| row.get(0),
    )?)
}

/// Writes them in one commit; their ids, in the same order.
fn write_all(keeper: &Keeper, new: Vec<NewDictionary>) -> Result<Vec<(Subject, i64)>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let now_ms = keeper.now_ms();
    keeper.write(move |tx, ids| new.iter().map(|new| Ok((new.subject, insert(tx, ids, new, now_ms)?))).collect())
}

fn insert(tx: &Transaction<'_>, ids: &mut ServerIds, new: &NewDictionary, now_ms: i64) -> Result<i64, StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO dictionary (content_hash, created_ms, content_bytes, content, content_codec, issue_id)
         VALUES (:content_hash, :now_ms, :content_bytes, :content, :content_codec,
             (SELECT issue_id FROM issue_hash WHERE project_id = :project_id AND hash = :hash))
         ON CONFLICT (content_hash) DO UPDATE SET
             retired_id = NULL, content = :content, content_codec = :content_codec
         RETURNING id",
    )?;
    let id: i64 = statement.query_row(
        named_params! {
            ":content_hash": &new.content_hash[..],
            ":now_ms": now_ms,
            ":content_bytes": new.content_bytes as i64,
            ":content": new.packed.bytes,
            ":content_codec": new.packed.codec,
            ":project_id": new.subject.project_id.0,
            ":hash": hash_of(&new.subject),
        },
        |row| row.get(0),
    )?;
    let former = read_use(tx, new.subject)?.map(|in_use| in_use.id).filter(|former| *former != id);
    let mut statement = tx.prepare_cached(
        "INSERT INTO dictionary_use (project_id, grouping_hash, dictionary_id, since_ms, at_events)
         VALUES (:project_id, :hash, :id, :now_ms, :at_events)
         ON CONFLICT (project_id, grouping_hash) DO UPDATE SET
             dictionary_id = :id, since_ms = :now_ms, at_events = :at_events",
    )?;
    statement.execute(named_params! {
        ":project_id": new.subject.project_id.0,
        ":hash": hash_of(&new.subject),
        ":id": id,
        ":now_ms": now_ms,
        ":at_events": new.at_events as i64,
    })?;
    if let Some(former) = former {
        retire(tx, ids, former, now_ms)?;
    }
    Ok(id)
}

/// A training that brought nothing counts as one.
fn note_training(tx: &Transaction<'_>, subject: Subject, now_ms: i64, at_events: u64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE dictionary_use SET since_ms = :now_ms, at_events = :at_events
         WHERE project_id = :project_id AND grouping_hash = :hash",
        named_params! {
            ":now_ms": now_ms,
            ":at_events": at_events as i64,
            ":project_id": subject.project_id.0,
            ":hash": hash_of(&subject),
        },
    )?;
    Ok(())
}

fn retire_use(tx: &Transaction<'_>, ids: &mut ServerIds, subject: Subject) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "DELETE FROM dictionary_use WHERE project_id = :project_id AND grouping_hash = :hash
         RETURNING dictionary_id",
    )?;
    let former: Option<i64> = statement
        .query_row(named_params! { ":project_id": subject.project_id.0, ":hash": hash_of(&subject) }, |row| row.get(0))
        .optional()?;
    former.map_or(Ok(()), |former| retire(tx, ids, former, super::writer::now_ms()))
}

/// Notes that no body from now on is compressed with it, unless something else uses the same content.
fn retire(tx: &Transaction<'_>, ids: &mut ServerIds, id: i64, now_ms: i64) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "UPDATE dictionary SET retired_id = :retired_id
         WHERE id = :id AND NOT EXISTS (SELECT 1 FROM dictionary_use WHERE dictionary_id = :id)",
    )?;
    statement.execute(named_params! { ":id": id, ":retired_id": ids.next(now_ms) })?;
    Ok(())
}

/// Retires what is old and removes what no event can name any more; true when there may be more to do.
fn tidy(keeper: &Keeper, now_ms: i64) -> Result<bool, StoreError> {
    let mut statement = keeper.reader.prepare_cached(
        "SELECT project_id, grouping_hash FROM dictionary_use
         WHERE since_ms < :before_ms AND length(grouping_hash) = 16 LIMIT :limit",
    )?;
    let aged: Vec<Subject> = statement
        .query_map(named_params! { ":before_ms": now_ms - age_max_ms(keeper), ":limit": TIDY_ROWS as i64 }, |row| {
            Ok(Subject { project_id: ProjectId(row.get(0)?), hash: Some(row.get(1)?) })
        })?
        .collect::<Result<_, _>>()?;
    drop(statement);
    let has_more = aged.len() == TIDY_ROWS;
    if !aged.is_empty() {
        aged.iter().for_each(|subject| keeper.bodies.forget(*subject));
        keeper.write(move |tx, ids| aged.into_iter().try_for_each(|subject| retire_use(tx, ids, subject)))?;
    }
    // Most of the time there is nothing, and a commit would wake the disk for it.
    let oldest_event: Option<i64> = keeper.reader.query_row("SELECT min(id) FROM event", [], |row| row.get(0))?;
    let has_retired: bool = keeper.reader.query_row(
        "SELECT EXISTS (SELECT 1 FROM dictionary WHERE retired_id < :before_id AND NOT EXISTS (
             SELECT 1 FROM dictionary AS other WHERE other.content_codec = dictionary.id AND other.content_codec >= 16))",
        named_params! { ":before_id": oldest_event.unwrap_or(i64::MAX) },
        |row| row.get(0),
    )?;
    let removed = if has_retired { keeper.write(remove_unnamed)? } else { 0 };
    Ok(has_more || removed == TIDY_ROWS)
}

/// Dictionaries that every event there is came after, and that no other is compressed with.
fn remove_unnamed(tx: &Transaction<'_>, ids: &mut ServerIds) -> Result<usize, StoreError> {
    let mut statement = tx.prepare_cached(REMOVE_SQL)?;
    Ok(statement.execute(named_params! {
        ":next_id": ids.next(super::writer::now_ms()),
        ":in_flight": IN_FLIGHT_MS * SERVER_IDS_PER_MS,
        ":limit": TIDY_ROWS as i64,
    })?)
}

pub(super) const REMOVE_SQL: &str = "DELETE FROM dictionary WHERE id IN (
         SELECT id FROM dictionary
         WHERE retired_id < coalesce((SELECT min(event.id) FROM event), :next_id) - :in_flight AND NOT EXISTS (
             SELECT 1 FROM dictionary AS other WHERE other.content_codec = dictionary.id AND other.content_codec >= 16)
         LIMIT :limit)";

pub(super) fn count_dictionaries(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM dictionary", [], |row| row.get::<_, i64>(0))?.max(0) as u64)
}

/// How old a dictionary may become in use, in milliseconds. It is an event's content, so it is to be gone as soon after that
/// event as can be.
pub(super) fn age_max_ms(keeper: &Keeper) -> i64 {
    let kept_days = keeper.settings.keep.days(StoredKind::Errors).filter(|days| *days > 0).map(i64::from);
    kept_days.map_or(DICTIONARY_AGE_MAX_DAYS, |days| days.min(DICTIONARY_AGE_MAX_DAYS)) * DAY_MS
}

/// The project's dictionary, for compressing at leisure; `None` when it has none, or a damaged one.
pub(super) fn project_packer(
    keeper: &mut Keeper,
    project_id: ProjectId,
    level: i32,
) -> Result<Option<Arc<Packer>>, StoreError> {
    let Some(in_use) = read_use(&keeper.reader, Subject { project_id, hash: None })? else { return Ok(None) };
    if let Some(packer) = keeper.tending.packers.get(&(in_use.id, level)) {
        return Ok(Some(packer.clone()));
    }
    let content = match read_content(&keeper.reader, &keeper.bodies, in_use.id) {
        Err(StoreError::BadBody(_)) => return Ok(None),
        other => other?,
    };
    let Some(packer) = Packer::new(in_use.id, &content, level).map(Arc::new) else { return Ok(None) };
    if keeper.tending.packers.len() >= LEISURE_PACKERS_MAX {
        keeper.tending.packers.clear();
    }
    keeper.tending.packers.insert((in_use.id, level), packer.clone());
    Ok(Some(packer))
}

/// Gives back the memory of [`project_packer`].
pub(super) fn forget_packers(keeper: &mut Keeper) {
    keeper.tending.packers = HashMap::new();
}

/// An empty blob for the whole project.
fn hash_of(subject: &Subject) -> &[u8] {
    subject.hash.as_ref().map_or(&[], |hash| &hash[..])
}

fn read_use(connection: &Connection, subject: Subject) -> Result<Option<InUse>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT dictionary_id, since_ms, at_events FROM dictionary_use
         WHERE project_id = :project_id AND grouping_hash = :hash",
    )?;
    let in_use = statement
        .query_row(named_params! { ":project_id": subject.project_id.0, ":hash": hash_of(&subject) }, |row| {
            Ok(InUse { id: row.get(0)?, since_ms: row.get(1)?, at_events: row.get::<_, i64>(2)?.max(0) as u64 })
        })
        .optional()?;
    Ok(in_use)
}

/// Events of the project so far, those no longer kept included.
fn count_events(connection: &Connection, project_id: ProjectId) -> Result<u64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(sum(event_count), 0) FROM issue WHERE project_id = :project_id")?;
    let count: i64 = statement.query_row(named_params! { ":project_id": project_id.0 }, |row| row.get(0))?;
    Ok(count.max(0) as u64)
}

/// The content of a dictionary, whole and undamaged, or a [`StoreError::BadBody`].
pub(super) fn read_content(connection: &Connection, bodies: &Bodies, id: i64) -> Result<Vec<u8>, StoreError> {
    read_content_with(connection, id, |codec, packed| {
        let expander = bodies.expander(codec, || {
            // One that is compressed with another is none that others are compressed with.
            let content = read_content_with(connection, codec, expand)?;
            Expander::new(&content).ok_or_else(|| StoreError::BadBody(format!("its dictionary {codec} is not one")))
        })?;
        expand_with(&expander, packed).map_err(|_| StoreError::BadBody(format!("its dictionary {id} is damaged")))
    })
}

/// As [`read_content`]; `expand_by_other` expands what is compressed with another dictionary.
fn read_content_with(
    connection: &Connection,
    id: i64,
    expand_by_other: impl FnOnce(i64, &[u8]) -> Result<Vec<u8>, StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT content_hash, content_bytes, content, content_codec FROM dictionary WHERE id = :id")?;
    let found: Option<(Vec<u8>, i64, Vec<u8>, i64)> = statement
        .query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((hash, bytes, packed, codec)) = found else {
        return Err(StoreError::BadBody(format!("its dictionary {id} is missing")));
    };
    let damaged = || StoreError::BadBody(format!("its dictionary {id} is damaged"));
    if !(0..=CONTENT_BYTES_MAX).contains(&bytes) {
        return Err(damaged());
    }
    let content = if codec < DICTIONARY_ID_MIN {
        expand(codec, &packed).map_err(|_| damaged())?
    } else {
        // Which of the two is damaged is told apart by who says so.
        expand_by_other(codec, &packed)?
    };
    let is_whole = content.len() as i64 == bytes && xxh3_128(&content).to_be_bytes()[..] == hash[..];
    is_whole.then_some(content).ok_or_else(damaged)
}

/// The body of an event, whatever it was compressed with.
pub(super) fn expand_event(
    connection: &Connection,
    bodies: &Bodies,
    codec: i64,
    body: &[u8],
) -> Result<Vec<u8>, StoreError> {
    if codec < DICTIONARY_ID_MIN {
        return expand(codec, body);
    }
    let expander = bodies.expander(codec, || {
        Expander::new(&read_content(connection, bodies, codec)?)
            .ok_or_else(|| StoreError::BadBody(format!("its dictionary {codec} is not one")))
    })?;
    expand_with(&expander, body)
}

#[cfg(test)]
mod tests;
