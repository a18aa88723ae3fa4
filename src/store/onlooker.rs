//! A database that is looked at from beside its server: for the commands that only read, whoever owns it.
//!
//! Owns which ways of opening are tried, and the words for what keeps a user out. Never writes, and makes no file where
//! it need not: a directory that may not be written is read all the same, as long as everything is in the one file.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::StoreError;
use super::migrate::{SCHEMA, Whose, whose};
use super::readers::{open_read_only, open_unchanging};
use super::safety::{beside, wal_bytes};

/// A connection that only reads, and the schema of what it reads.
///
/// SQLite wants to write an index of its log beside the database. Where that is forbidden and there is no log to read,
/// the file is read as one that nobody changes; a server that is started just then is not noticed.
///
/// # Errors
/// When there is none, this user may not read it, it is of a newer version, or is no database.
pub(super) fn look_into(path: &Path) -> Result<(Connection, i64), StoreError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::NoDatabase(path.to_path_buf()));
        }
        Err(error) => return Err(unreadable(path, why(path, &error))),
        Ok(_) => {}
    }
    // Told apart from what SQLite calls all of it: unable to open database file.
    File::open(path).map_err(|error| unreadable(path, why(path, &error)))?;
    let opened = open_read_only(path).and_then(|connection| {
        let found = schema_of(&connection)?;
        Ok((connection, found))
    });
    let (connection, found) = match opened {
        Ok(opened) => opened,
        Err(error) if is_kept_from_writing(&error) && wal_bytes(path) == 0 => {
            let connection = open_unchanging(path)?;
            let found = schema_of(&connection).map_err(|error| unreadable(path, in_words(&error, path)))?;
            (connection, found)
        }
        Err(error) => return Err(unreadable(path, in_words(&error, path))),
    };
    // What cannot be told because of damage is damage, not another program's.
    if matches!(whose(&connection), Ok(Whose::Foreign | Whose::Nobodys)) {
        return Err(StoreError::NotOurs(path.to_path_buf()));
    }
    if found > SCHEMA {
        return Err(StoreError::TooNew { path: path.to_path_buf(), found, known: SCHEMA });
    }
    Ok((connection, found))
}

/// As [`look_into`], of this very version: for questions that know the tables.
pub(super) fn look_into_current(path: &Path) -> Result<Connection, StoreError> {
    match look_into(path)? {
        (connection, SCHEMA) => Ok(connection),
        (_, found) => Err(StoreError::TooOld { path: path.to_path_buf(), found, known: SCHEMA }),
    }
}

fn schema_of(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn unreadable(path: &Path, why: String) -> StoreError {
    StoreError::Unreadable { path: path.to_path_buf(), why }
}

fn code_of(error: &StoreError) -> Option<ErrorCode> {
    match error {
        StoreError::Sqlite(error) => error.sqlite_error_code(),
        _ => None,
    }
}

fn is_kept_from_writing(error: &StoreError) -> bool {
    matches!(code_of(error), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

fn in_words(error: &StoreError, path: &Path) -> String {
    match code_of(error) {
        Some(ErrorCode::NotADatabase) => "it is no database".to_string(),
        Some(ErrorCode::DatabaseCorrupt) => "it is damaged".to_string(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => format!(
            "its log {} can only be read by a user who may write in its folder. Run it as the owner, or copy both files \
             to a folder of your own",
            beside(path, "-wal").display()
        ),
        _ => error.to_string(),
    }
}

/// What keeps this user from a file or folder, and what to do about it.
pub(super) fn why(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {}
        io::ErrorKind::ReadOnlyFilesystem => return "the file system is read-only".to_string(),
        _ => return error.to_string(),
    }
    // What lies in a folder that may not be entered tells nothing of itself.
    let told = path.ancestors().find_map(|path| Some((path, std::fs::metadata(path).ok()?)));
    let Some((told, metadata)) = told else { return error.to_string() };
    let what = if told == path { "it".to_string() } else { format!("the folder {}", told.display()) };
    let owner = owner(&metadata);
    format!(
        "{what} belongs to {owner}, and its permissions ({:o}) do not let this user in. Run the same command as {owner}, or \
         let {owner} change them",
        metadata.mode() & 0o777
    )
}

/// By name where the system has one.
fn owner(metadata: &Metadata) -> String {
    let id = metadata.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1) == Some(id.as_str())).then(|| name.to_string())
    });
    named.unwrap_or_else(|| format!("user {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_on_a_read_only_file_system_is_told_in_whole_sentences() {
        let path = Path::new("/srv/trapline");
        let why = why(path, &io::ErrorKind::ReadOnlyFilesystem.into());
        assert_eq!(
            StoreError::DataDir { path: path.to_path_buf(), why }.to_string(),
            "cannot make or write the data directory /srv/trapline: the file system is read-only. Another one can be named \
             with --data-dir"
        );
    }
}
