//! `starburn history`: predictions as a function of the time of observation.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::model_options::ModelOptions;
use super::progress::galaxies_bar;
use crate::files::write_atomic;
use crate::history::{Histories, HistoryConfig, Quantity, Watch};
use crate::plot::{Axis, Figure, Panel, Series};
use crate::population::GalaxyModel;
use crate::{Error, Result};

/// Follow galaxies through cosmic time: colours, magnitudes, lines, masses or the distribution of
/// stellar ages, P(age), at many times of observation, with their gradients.
///
/// Writes history.csv and a figure per quantity. CONFIG is TOML:
///
///   quantities = ["color:lsst_g,lsst_r", "lg_sfr"]   # also mag:FILTER, line:LINE, ew:WINDOW,
///   gradients = ["lg_drop"]                          # lg_mstar_formed, lg_mstar_surviving, p_age
///
///   [model]               # options of `starburn predict` without dashes
///   frame = "rest"
///
///   [times]
///   first_gyr = 1.0
///   last_gyr = 13.8
///   number = 60
///
///   [[galaxy]]            # parameters that differ from their defaults
///   name = "quenched"
///   parameters = { lg_qt = 0.77, lg_drop = -2.5, lg_rejuv = -2.0 }
///
/// Example: starburn history history.toml -o history
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// What to do, a TOML file
    config: PathBuf,
    /// Folder for the table and the figures
    #[arg(short, long, value_name = "DIR", default_value = "starburn-history")]
    output: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = HistoryConfig::read(&args.config)?;
    let in_file = |e: Error| Error::file(&args.config, e.to_string());
    let model = ModelOptions::from_table(&config.model).and_then(|o| o.model()).map_err(in_file)?;
    let components = model.components();
    let quantities = config.quantities().map_err(in_file)?;
    let wrt = config.gradients.iter().map(|name| components.index(name));
    let wrt = wrt.collect::<Result<Vec<usize>>>().map_err(in_file)?;
    let t_gyr = config.t_gyr();
    let (mut rows, mut t_ref_gyr) = (Vec::new(), Vec::new());
    for galaxy in &config.galaxy {
        let changes: Vec<(&str, f64)> =
            galaxy.parameters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let named = |e: Error| in_file(Error::invalid(&galaxy.name, e.to_string()));
        rows.push(components.row(&changes).map_err(named)?);
        t_ref_gyr.push(galaxy.t_ref_gyr.unwrap_or(config.times.last_gyr));
    }
    let watch =
        Watch { model: &model, galaxies: &rows, t_ref_gyr: &t_ref_gyr, t_gyr: &t_gyr, wrt: &wrt };
    let bar = galaxies_bar();
    if args.output.exists() && !args.output.is_dir() {
        return Err(Error::file(&args.output, "is not a folder"));
    }
    let histories = watch.run(&quantities, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    let histories = histories.map_err(in_file)?;
    bar.finish_and_clear();

    std::fs::create_dir_all(&args.output).map_err(Error::io("create", &args.output))?;
    let names: Vec<&str> = config.galaxy.iter().map(|g| g.name.as_str()).collect();
    let csv = args.output.join("history.csv");
    write_atomic(&csv, table(&histories, &names).as_bytes())?;
    say!("{} galaxies at {} times: {}", names.len(), t_gyr.len(), csv.display());
    let mut first = 0;
    for quantity in &quantities {
        let n = quantity.names(&model).len();
        let figure = match quantity {
            Quantity::AgeDistribution => age_figure(&histories, &names, &model, first),
            one => time_figure(&histories, &names, one, first),
        };
        let stem = args.output.join(file_name(&quantity.to_string()));
        figure.save(&stem)?;
        say!("{quantity}: {}.png, .svg, .csv", stem.display());
        first += n;
    }
    Ok(ExitCode::SUCCESS)
}

/// One row per galaxy and time.
fn table(histories: &Histories, galaxies: &[&str]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut csv = String::from("galaxy,t_gyr,redshift");
    for name in &histories.names {
        let _ = write!(csv, ",{}", quoted(name));
        for parameter in &histories.wrt {
            let _ = write!(csv, ",{}", quoted(&format!("d({name})/d({parameter})")));
        }
    }
    csv.push('\n');
    for (g, galaxy) in galaxies.iter().enumerate() {
        for (i, t) in histories.t_gyr.iter().enumerate() {
            let _ = write!(csv, "{},{t:?},{:?}", quoted(galaxy), histories.redshift[i]);
            for k in 0..histories.names.len() {
                let _ = write!(csv, ",{:?}", histories.values(g, k)[i]);
                for j in 0..histories.wrt.len() {
                    let _ = write!(csv, ",{:?}", histories.gradients(g, k, j)[i]);
                }
            }
            csv.push('\n');
        }
    }
    csv
}

/// The quantity against time, and below it each of its gradients.
fn time_figure(histories: &Histories, galaxies: &[&str], quantity: &Quantity, k: usize) -> Figure {
    let panel = |label: &str, values: &dyn Fn(usize) -> Vec<f64>| {
        let mut panel = Panel::new(Axis::linear("Cosmic time [Gyr]"), Axis::linear(label));
        for (g, name) in galaxies.iter().enumerate() {
            panel = panel.with(Series::new(*name, histories.t_gyr.clone(), values(g)));
        }
        panel
    };
    let label = quantity.label();
    let mut panels = vec![panel(&label, &|g| histories.values(g, k).to_vec())];
    for (j, parameter) in histories.wrt.iter().enumerate() {
        let gradient =
            panel(&format!("d({quantity}) / d({parameter})"), &|g| histories.gradients(g, k, j));
        panels.push(gradient);
    }
    let columns = if panels.len() > 1 { 2 } else { 1 };
    Figure::new(panels, columns)
}

/// P(age) per dex of age of every galaxy at the first, middle and last time.
fn age_figure(
    histories: &Histories,
    galaxies: &[&str],
    model: &GalaxyModel,
    first: usize,
) -> Figure {
    let lg_age = model.ages().lg_age_gyr();
    let lg_edges: Vec<f64> = model.ages().edges_gyr().iter().map(|e| e.log10()).collect();
    let n_t = histories.t_gyr.len();
    let panels = [0, n_t / 2, n_t - 1].map(|i| {
        let title = format!("t = {:.2} Gyr", histories.t_gyr[i]);
        let mut panel =
            Panel::new(Axis::linear("log10 age [Gyr]"), Axis::log("Mass fraction per dex of age"))
                .title(title);
        for (g, name) in galaxies.iter().enumerate() {
            let per_dex = |(a, edges): (usize, &[f64])| {
                histories.values(g, first + a)[i] / (edges[1] - edges[0])
            };
            let density: Vec<f64> = lg_edges.windows(2).enumerate().map(per_dex).collect();
            panel = panel.with(Series::new(*name, lg_age, density));
        }
        panel
    });
    Figure::new(panels.to_vec(), 3)
}

/// A name for files: letters, digits, dots and underscores.
fn file_name(text: &str) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    Path::new(&text.chars().map(safe).collect::<String>()).to_owned()
}
