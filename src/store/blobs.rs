//! Kept bytes: cut into chunks, each compressed when that helps, written once, read a chunk at a time.
//!
//! A large one goes ahead in commits of its own, so that nobody else's event waits for it; it exists from the commit
//! that holds its last chunk and the row that names it. Knows nothing of what the bytes are.

use rusqlite::{Connection, OptionalExtension, Transaction, named_params};

use super::attachments::{insert_attachment, insert_refused};
use super::awaited::BlobKey;
use super::body::{CODEC_ZSTD, compress, expand};
use super::profiles::insert_profile;
use super::replays::insert_replay_part;
use super::write::Write;
use super::writer::Batch;
use super::{Store, StoreError};
use crate::config::{BLOB_CHUNK_BYTES, BLOB_COMMIT_BYTES};
use crate::model::blob::About;
use crate::model::ids::ProjectId;
use crate::model::outcome::Reason;
use crate::model::storage::StoredKind;

/// Beside [`CODEC_ZSTD`]: already compressed by whoever made it.
const CODEC_PLAIN: i64 = 0;

/// Bytes ready to be stored. Without chunks when they have gone ahead.
#[derive(Clone, Debug, Default)]
pub struct BlobBody {
    chunks: Vec<Chunk>,
    /// Before compression.
    bytes: u64,
    chunk_count: u32,
}

#[derive(Clone, Debug)]
struct Chunk {
    codec: i64,
    body: Vec<u8>,
}

/// Something to keep, and the row that names it.
pub struct BlobWrite {
    pub project_id: ProjectId,
    pub received_ms: i64,
    /// The heading it is counted under.
    pub category: String,
    pub about: About,
    pub sha1: [u8; 20],
    pub key: BlobKey,
    pub body: BlobBody,
}

/// Some chunks of a blob that is not whole yet.
pub struct BlobPiece {
    project_id: ProjectId,
    received_ms: i64,
    key: BlobKey,
    first_seq: u32,
    chunks: Vec<Chunk>,
}

impl BlobBody {
    /// Bytes before compression.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn weight(&self) -> usize {
        weigh(&self.chunks)
    }

    /// Codec and bytes of what is one chunk and no more.
    pub(super) fn into_only_chunk(mut self) -> Option<(i64, Vec<u8>)> {
        let chunk = self.chunks.pop()?;
        self.chunks.is_empty().then_some((chunk.codec, chunk.body))
    }
}

impl BlobPiece {
    pub(super) fn key(&self) -> BlobKey {
        self.key
    }

    pub(super) fn weight(&self) -> usize {
        weigh(&self.chunks)
    }
}

fn weigh(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.body.len() + 64).sum()
}

/// Cuts and compresses; the caller's thread does the work.
pub fn pack(bytes: &[u8]) -> BlobBody {
    let chunks: Vec<Chunk> = bytes
        .chunks(BLOB_CHUNK_BYTES)
        .map(|chunk| {
            let compressed = compress(chunk).bytes;
            // A sixteenth saved is not worth the work of undoing it.
            if compressed.len() < chunk.len() - chunk.len() / 16 {
                Chunk { codec: CODEC_ZSTD, body: compressed }
            } else {
                Chunk { codec: CODEC_PLAIN, body: chunk.to_vec() }
            }
        })
        .collect();
    BlobBody { bytes: bytes.len() as u64, chunk_count: chunks.len() as u32, chunks }
}

/// Takes out of a request's writes what is too much for one commit.
pub(super) fn take_pieces_ahead(writes: &mut [Write]) -> Vec<BlobPiece> {
    let mut left = BLOB_COMMIT_BYTES;
    let mut pieces: Vec<BlobPiece> = Vec::new();
    for write in writes {
        let Write::Blob(blob) = write else { continue };
        let weight = blob.body.weight();
        if weight <= left {
            left -= weight;
            continue;
        }
        let mut piece: Option<BlobPiece> = None;
        for (seq, chunk) in (0..).zip(std::mem::take(&mut blob.body.chunks)) {
            if let Some(full) = piece.take_if(|piece| piece.weight() + chunk.body.len() > BLOB_COMMIT_BYTES) {
                pieces.push(full);
            }
            let (project_id, received_ms, key) = (blob.project_id, blob.received_ms, blob.key);
            let fresh = || BlobPiece { project_id, received_ms, key, first_seq: seq, chunks: Vec::new() };
            piece.get_or_insert_with(fresh).chunks.push(chunk);
        }
        pieces.extend(piece);
    }
    pieces
}

/// Chunks that go ahead of the row that names them.
pub(super) fn insert_piece(tx: &Transaction<'_>, piece: &BlobPiece, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let place = Place { project_id: piece.project_id, received_ms: piece.received_ms, key: &piece.key };
    let (blob_id, is_whole) = find_or_make(tx, &place, batch)?;
    if is_whole { Ok(()) } else { insert_chunks(tx, blob_id, piece.first_seq, &piece.chunks) }
}

/// What is left of a blob, and the row that names it. Written twice it changes nothing.
pub(super) fn insert_blob(tx: &Transaction<'_>, write: &BlobWrite, batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let place = Place { project_id: write.project_id, received_ms: write.received_ms, key: &write.key };
    if let About::Refused(refused) = &write.about {
        let id = batch.ids.next(batch.now_ms);
        return insert_refused(tx, id, write.project_id, write.received_ms, refused);
    }
    let (blob_id, is_whole) = find_or_make(tx, &place, batch)?;
    let is_new = match &write.about {
        About::Attachment(attachment) => {
            // An id of its own: that of a blob gone ahead is older than those sent before it.
            let id = batch.ids.next(batch.now_ms);
            insert_attachment(tx, id, blob_id, write, attachment)?
        }
        About::Profile(profile) => insert_profile(tx, blob_id, write, profile)?,
        About::Replay(part) => insert_replay_part(tx, blob_id, write, part)?,
        About::Refused(_) => false,
    };
    if is_new && !is_whole {
        insert_chunks(tx, blob_id, 0, &write.body.chunks)?;
        let mut statement = tx.prepare_cached("SELECT count(*) FROM blob_chunk WHERE blob_id = :id")?;
        let chunks: i64 = statement.query_row(named_params! { ":id": blob_id }, |row| row.get(0))?;
        if chunks != i64::from(write.body.chunk_count) {
            // Nothing is acknowledged that is not there.
            return Err(StoreError::NotStored(format!("{chunks} of {} pieces are there", write.body.chunk_count)));
        }
        let mut statement = tx.prepare_cached(
            "UPDATE blob SET is_whole = 1, bytes = :bytes, chunk_count = :chunk_count, kind = :kind,
                 received_ms = :received_ms,
                 stored_bytes = (SELECT coalesce(sum(length(body)), 0) FROM blob_chunk WHERE blob_id = :id)
             WHERE id = :id",
        )?;
        statement.execute(named_params! {
            ":id": blob_id, ":bytes": write.body.bytes as i64, ":chunk_count": write.body.chunk_count,
            ":received_ms": write.received_ms,
            ":kind": match &write.about {
                About::Attachment(_) | About::Refused(_) => StoredKind::Attachments.as_str(),
                About::Profile(_) => StoredKind::Profiles.as_str(),
                About::Replay(_) => StoredKind::Replays.as_str(),
            },
        })?;
    } else if !is_new && !is_whole {
        // Other bytes under a name that is taken: the first ones stay.
        for sql in ["DELETE FROM blob_chunk WHERE blob_id = :id", "DELETE FROM blob WHERE id = :id"] {
            tx.prepare_cached(sql)?.execute(named_params! { ":id": blob_id })?;
        }
    }
    let reason = if is_new { Reason::Accepted } else { Reason::Duplicate };
    batch.outcomes.add(write.project_id, write.received_ms, &write.category, reason.as_str(), 1);
    Ok(())
}

struct Place<'a> {
    project_id: ProjectId,
    received_ms: i64,
    key: &'a BlobKey,
}

/// Its id, and whether it is whole already.
fn find_or_make(tx: &Transaction<'_>, place: &Place<'_>, batch: &mut Batch<'_>) -> Result<(i64, bool), StoreError> {
    let mut statement = tx.prepare_cached("SELECT id, is_whole FROM blob WHERE key = :key")?;
    let known: Option<(i64, bool)> = statement
        .query_row(named_params! { ":key": &place.key[..] }, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, is_whole)) = known {
        if !is_whole {
            // Perhaps it is being dropped piece by piece; from here on it is awaited again, and what went comes once more.
            let mut statement = tx.prepare_cached(
                "UPDATE blob SET received_ms = :received_ms WHERE id = :id AND received_ms < :received_ms",
            )?;
            statement.execute(named_params! { ":id": id, ":received_ms": place.received_ms })?;
        }
        return Ok((id, is_whole));
    }
    let id = batch.ids.next(batch.now_ms);
    let mut statement = tx.prepare_cached(
        "INSERT INTO blob (id, project_id, key, received_ms, bytes, chunk_count, is_whole)
         VALUES (:id, :project_id, :key, :received_ms, 0, 0, 0)",
    )?;
    statement.execute(named_params! {
        ":id": id, ":project_id": place.project_id.0, ":key": &place.key[..], ":received_ms": place.received_ms,
    })?;
    Ok((id, false))
}

fn insert_chunks(tx: &Transaction<'_>, blob_id: i64, first_seq: u32, chunks: &[Chunk]) -> Result<(), StoreError> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO blob_chunk (blob_id, seq, codec, body) VALUES (:blob_id, :seq, :codec, :body)
         ON CONFLICT (blob_id, seq) DO NOTHING",
    )?;
    for (seq, chunk) in (first_seq..).zip(chunks) {
        statement.execute(named_params! {
            ":blob_id": blob_id, ":seq": seq, ":codec": chunk.codec, ":body": chunk.body,
        })?;
    }
    Ok(())
}

impl Store {
    /// One piece of a blob, at most [`BLOB_CHUNK_BYTES`]; `None` behind the last one.
    pub async fn blob_chunk(&self, blob_id: i64, seq: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.run(move |connection| read_chunk(connection, blob_id, seq)).await
    }

    /// The first bytes of a blob, at most `limit`.
    pub async fn blob_head(&self, blob_id: i64, limit: usize) -> Result<Vec<u8>, StoreError> {
        let mut head = Vec::new();
        let mut seq = 0;
        while head.len() < limit {
            let Some(chunk) = self.blob_chunk(blob_id, seq).await? else { break };
            head.extend(chunk);
            seq += 1;
        }
        head.truncate(limit);
        Ok(head)
    }
}

pub(super) fn read_chunk(connection: &Connection, blob_id: i64, seq: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT blob_chunk.codec, blob_chunk.body FROM blob_chunk JOIN blob ON blob.id = blob_chunk.blob_id
         WHERE blob_chunk.blob_id = :blob_id AND blob_chunk.seq = :seq AND blob.is_whole = 1",
    )?;
    let found = statement
        .query_row(named_params! { ":blob_id": blob_id, ":seq": seq }, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((CODEC_PLAIN, body)) => Ok(Some(body)),
        Some((codec, body)) => expand(codec, &body).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::awaited::Awaited;
    use super::super::migrate;
    use super::super::retention::drop_loose_chunks;
    use super::super::writer::now_ms;
    use super::*;
    use crate::model::blob::Attachment;
    use crate::model::ids::{EventId, ServerIds};

    /// Bytes that no compressor makes smaller.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    fn blob(bytes: &[u8]) -> Write {
        let file = Attachment {
            event_id: EventId([1; 16]),
            name: "a".to_string(),
            content_type: None,
            kind: "event.attachment".to_string(),
        };
        Write::Blob(Box::new(BlobWrite {
            project_id: ProjectId(1),
            received_ms: 0,
            category: "attachment".to_string(),
            about: About::Attachment(file),
            sha1: [0; 20],
            key: [0; 20],
            body: pack(bytes),
        }))
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        let packed = pack(&[vec![7; BLOB_CHUNK_BYTES], noise(1000)].concat());
        assert_eq!(packed.chunks.iter().map(|chunk| chunk.codec).collect::<Vec<_>>(), [CODEC_ZSTD, CODEC_PLAIN]);
        assert_eq!((packed.bytes, packed.chunk_count), (BLOB_CHUNK_BYTES as u64 + 1000, 2));
        assert_eq!(pack(b"").chunk_count, 0);
    }

    #[test]
    fn large_ones_go_ahead_in_pieces_small_ones_stay() {
        let mut writes = vec![blob(b"small"), blob(&noise(9 * BLOB_CHUNK_BYTES / 2)), blob(b"small too")];
        let pieces = take_pieces_ahead(&mut writes);
        let shape: Vec<(u32, usize)> = pieces.iter().map(|piece| (piece.first_seq, piece.chunks.len())).collect();
        assert_eq!(shape, [(0, 1), (1, 1), (2, 1), (3, 2)]);
        assert!(pieces.iter().all(|piece| piece.weight() <= BLOB_COMMIT_BYTES));
        let left: Vec<usize> = writes
            .iter()
            .map(|write| match write {
                Write::Blob(blob) => blob.body.chunks.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(left, [1, 0, 1]);
        assert_eq!(take_pieces_ahead(&mut writes).len(), 0);
    }

    /// Bytes that retention is dropping piece by piece are sent again, and one piece falls between two of the sender's.
    #[test]
    fn what_comes_again_while_it_is_dropped_is_whole_when_it_is_acknowledged() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, Path::new("x.db")).unwrap();
        let bytes = noise(5 * BLOB_CHUNK_BYTES);
        let mut ids = ServerIds::after(0);
        let now_ms = now_ms();
        let send = |connection: &mut Connection, ids: &mut ServerIds, between: &dyn Fn(&Transaction<'_>)| {
            let tx = connection.transaction().unwrap();
            let mut batch = Batch::new(ids);
            let mut writes = vec![blob(&bytes)];
            for write in &mut writes {
                let Write::Blob(blob) = write else { continue };
                blob.received_ms = now_ms;
            }
            for piece in take_pieces_ahead(&mut writes) {
                insert_piece(&tx, &piece, &mut batch).unwrap();
                between(&tx);
            }
            for write in &writes {
                let Write::Blob(blob) = write else { continue };
                insert_blob(&tx, blob, &mut batch).unwrap();
            }
            tx.commit().unwrap();
        };
        send(&mut connection, &mut ids, &|_| {});
        connection.execute_batch("DELETE FROM attachment; UPDATE blob SET is_whole = 0, received_ms = 0;").unwrap();
        send(&mut connection, &mut ids, &|tx| {
            drop_loose_chunks(tx, now_ms, 1, &Awaited::default()).unwrap();
        });
        let sql = "SELECT blob.is_whole, blob.chunk_count, count(*) FROM blob JOIN blob_chunk ON blob_chunk.blob_id = blob.id";
        let found: (i64, i64, i64) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        assert_eq!(found, (1, 5, 5));
    }
}
