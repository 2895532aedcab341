//! `starburn parameters`: what a galaxy of a given model is described by.

use std::process::ExitCode;

use super::model_options::ComponentOptions;
use crate::Result;
use crate::dust::DustModel;
use crate::metallicity::MetallicityModel;
use crate::nebular::LineSource;
use crate::parameters::{Edge, ParamInfo};
use crate::population::Components;
use crate::sfh::SfhModel;

/// List the parameters of a model, which are the columns of its catalogues: name, unit, default and
/// range. Without options, also the models there are.
///
/// Example: starburn parameters --sfh delayed_tau --burst --dust-model two_component --lines fit
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    components: ComponentOptions,
    /// Include the ionization parameters that emission lines depend on: none, grid, fit
    #[arg(long, value_name = "SOURCE", default_value = "none")]
    lines: LineSource,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let components = Components {
        // Lines of a grid's file may or may not depend on them.
        ionization: args.lines == LineSource::Fit,
        ..args.components.components()
    };
    say!("{:<22} {:>14} {:>14}  {:<28}", "parameter", "unit", "default", "range");
    for info in components.info() {
        say!("{:<22} {:>14} {:>14}  {:<28}", info.name, info.unit, info.default, range(&info));
    }
    say!("{:<22} {:>14} {:>14}  or the age of the Universe", "t_obs_gyr", "Gyr", "at redshift");
    let list = |names: Vec<&str>| names.join(" ");
    say!("\n--sfh          {}", list(SfhModel::ALL.iter().map(|m| m.name()).collect()));
    say!("--metallicity  {}", list(MetallicityModel::ALL.iter().map(|m| m.name()).collect()));
    say!("--dust-model   {}", list(DustModel::ALL.iter().map(|m| m.name()).collect()));
    Ok(ExitCode::SUCCESS)
}

fn range(info: &ParamInfo) -> String {
    let edge = |edge: Edge| match edge {
        Edge::At(v) => v.to_string(),
        Edge::Param(name, 0.0) => name.to_owned(),
        Edge::Param(name, offset) => format!("{name}{offset:+}"),
    };
    format!("[{}, {}]", edge(info.bound.lo), edge(info.bound.hi))
}
