//! `starburn parameters`: what a galaxy of a given model is described by.

use std::process::ExitCode;

use super::model_options::ComponentOptions;
use crate::Result;
use crate::dust::DustModel;
use crate::metallicity::MetallicityModel;
use crate::nebular::LineSource;
use crate::parameters::{Edge, ParamInfo};
use crate::population::Components;
use crate::predict::T_OBS_COLUMN;
use crate::sfh::SfhModel;

/// List the parameters of a model, which are the columns of its catalogues: name, default, unit, range
/// and meaning. Without options, also the models there are.
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
    row(["parameter", "default", "unit", "range", "meaning"]);
    for info in components.info() {
        let default = info.default.to_string();
        row([info.name, &default, info.unit, &range(&info), info.meaning]);
    }
    let t_obs = "Time of observation [default: the age of the Universe at the redshift].";
    row([T_OBS_COLUMN, "", "Gyr", "", t_obs]);
    let list = |names: Vec<&str>| names.join(" ");
    say!("\n--sfh          {}", list(SfhModel::ALL.iter().map(|m| m.name()).collect()));
    say!("--metallicity  {}", list(MetallicityModel::ALL.iter().map(|m| m.name()).collect()));
    say!("--dust-model   {}", list(DustModel::ALL.iter().map(|m| m.name()).collect()));
    Ok(ExitCode::SUCCESS)
}

fn row([name, default, unit, range, meaning]: [&str; 5]) {
    say!("{name:<16} {default:>11} {unit:<10} {range:<16} {meaning}");
}

fn range(info: &ParamInfo) -> String {
    let edge = |edge: Edge| match edge {
        Edge::At(v) => v.to_string(),
        Edge::Param(name, 0.0) => name.to_owned(),
        Edge::Param(name, offset) => format!("{name}{offset:+}"),
    };
    format!("[{}, {}]", edge(info.bound.lo), edge(info.bound.hi))
}
