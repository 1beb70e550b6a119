use super::super::context::App;
use super::super::failure::{ExitStatus, Failure};
use crate::cli::ExportArgs;

pub(super) async fn run(_: &App<'_>, _: &ExportArgs) -> Result<ExitStatus, Failure> {
    std::future::ready(()).await;
    todo!()
}
