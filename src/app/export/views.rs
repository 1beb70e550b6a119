use super::super::context::App;
use super::super::failure::{ExitStatus, Failure};
use crate::cli::ExportArgs;
use crate::cli::ExportFormat;

pub(super) async fn run(
    _: &App<'_>,
    _: &ExportArgs,
    _: ExportFormat,
) -> Result<ExitStatus, Failure> {
    std::future::ready(()).await;
    todo!()
}
