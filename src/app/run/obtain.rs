//! Obtains one archive: downloads it, and keeps it as a file.

use std::sync::Arc;

use super::archive_plan::{PlannedArchive, find};
use super::fetches::FetchDay;
use super::keep::{ArchiveBytes, FileId, KeepFolder, KeptFile};
use super::leased::LedgerWriter;
use crate::heroku::{Archive, Session};
use crate::report::archives::ArchiveReport;
use crate::report::day::StopReason;

/// An archive, as far as it is needed.
pub(super) struct Obtained {
    /// The archive; `None` if no day is read from it, and it is kept already.
    pub(super) archive: Option<Archive>,
    /// The name of the file that keeps it.
    pub(super) kept_as: Option<String>,
}

/// Downloads the archive that `days` are read from, and keeps it if that is asked for.
///
/// No day may be claimed before its archive is kept. So each day that is read from a kept archive
/// names a file that is there.
pub(super) async fn obtain(
    writer: &LedgerWriter,
    session: &Session,
    planned: &PlannedArchive,
    keep: Option<&KeepFolder>,
    days: &[FetchDay],
) -> Result<(Obtained, ArchiveReport), StopReason> {
    if let (Some(keep), true) = (keep, days.is_empty())
        && let Some((id, file)) = already_kept(session, planned, keep).await?
    {
        record(writer, planned, &id, &file).await?;
        let report = report(planned, keep, &id, &file);
        return Ok((Obtained { archive: None, kept_as: Some(file.name) }, report));
    }
    let (account, month) = (&planned.account.name, planned.month);
    let archive = tokio::select! {
        () = writer.shutdown.asked() => return Err(StopReason::Interrupted),
        archive = session.archive(account, month) => archive,
    };
    let archive = archive.map_err(|error| StopReason::NoArchive(Arc::new(error)))?;
    let checksum = archive.checksum.clone();
    let id = FileId { account: account.clone(), month, checksum };
    let Some(keep) = keep else {
        let report = ArchiveReport {
            bytes: Some(archive.bytes),
            checksum: Some(id.checksum),
            ..planned.report()
        };
        return Ok((Obtained { archive: Some(archive), kept_as: None }, report));
    };
    let file = keep_file(writer, keep, &id, &archive).await?;
    record(writer, planned, &id, &file).await?;
    let report = report(planned, keep, &id, &file);
    Ok((Obtained { archive: Some(archive), kept_as: Some(file.name) }, report))
}

/// The file that keeps the archive already. If Heroku's list has no checksum, Heroku is asked for
/// it, unless no file can be the one.
async fn already_kept(
    session: &Session,
    planned: &PlannedArchive,
    keep: &KeepFolder,
) -> Result<Option<(FileId, KeptFile)>, StopReason> {
    let (account, month) = (planned.account.name.clone(), planned.month);
    let listed = planned.listed.as_ref().and_then(|listed| listed.checksum.clone());
    match (listed, &planned.kept) {
        (Some(checksum), Some(file)) => {
            Ok(Some((FileId { account, month, checksum }, file.clone())))
        }
        (None, _) if keep.may_have(&account, month) => {
            let checksum = session.archive_checksum(&account, month).await;
            let checksum = checksum.map_err(|error| StopReason::NoArchive(Arc::new(error)))?;
            let id = FileId { account, month, checksum };
            Ok(find(keep, id.clone()).await.map(|file| (id, file)))
        }
        _ => Ok(None),
    }
}

/// Writes the file, outside of the threads that renew leases and listen for signals.
async fn keep_file(
    writer: &LedgerWriter,
    keep: &KeepFolder,
    id: &FileId,
    archive: &Archive,
) -> Result<KeptFile, StopReason> {
    let (folder, id, shutdown) = (keep.clone(), id.clone(), writer.shutdown.clone());
    let month = id.month;
    let bytes = ArchiveBytes::of(archive);
    let kept =
        tokio::task::spawn_blocking(move || folder.keep(&id, &mut bytes?, || shutdown.is_asked()));
    let kept = tokio::select! {
        () = writer.shutdown.asked() => return Err(StopReason::Interrupted),
        kept = kept => kept.unwrap_or_else(|fault| Err(std::io::Error::other(fault))),
    };
    kept.map_err(|error| StopReason::NotKept {
        month,
        folder: keep.shown(),
        error: Arc::new(error),
    })
}

/// Records the kept file in the history of each of the account's sources.
async fn record(
    writer: &LedgerWriter,
    planned: &PlannedArchive,
    id: &FileId,
    file: &KeptFile,
) -> Result<(), StopReason> {
    let FileId { month, checksum, .. } = id;
    let KeptFile { name, bytes } = file;
    let message =
        format!("the archive of {month}, sha256 {checksum}, {bytes} bytes, is kept as {name}");
    let recorded = writer.store.record_kept(&planned.account.sources, *month, &message);
    tokio::select! {
        () = writer.shutdown.asked() => Err(StopReason::Interrupted),
        recorded = recorded => recorded.map_err(StopReason::of_store),
    }
}

fn report(
    planned: &PlannedArchive,
    keep: &KeepFolder,
    id: &FileId,
    file: &KeptFile,
) -> ArchiveReport {
    ArchiveReport {
        bytes: Some(file.bytes),
        checksum: Some(id.checksum.clone()),
        kept_as: Some(keep.path().join(&file.name).display().to_string()),
        ..planned.report()
    }
}
