//! `starburn demo`: the first thing a newcomer runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::Tensor;

use crate::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use crate::files::write_atomic;
use crate::filter::FilterSet;
use crate::metallicity::{MassMetallicityParams, mass_metallicity};
use crate::numerics::random::uniform;
use crate::parameters::ParameterSet;
use crate::plot::{Axis, Color, Corner, Figure, Marker, Panel, Series, Style};
use crate::population::{Components, Frame, GalaxyModel, GalaxyParams, ModelSettings};
use crate::sfh::DiffstarParams;
use crate::ssp::embedded;
use crate::{Error, Result};

/// Show what the program does: a few instructive galaxies and a small population, computed on the
/// embedded SSP grid.
///
/// Example: starburn demo -o demo
#[derive(clap::Args)]
pub(super) struct Args {
    /// Folder for figures and numbers
    #[arg(short, long, value_name = "DIR", default_value = "starburn-demo")]
    output: PathBuf,
    /// Device: flex, ndarray, wgpu, cuda
    #[arg(long, default_value = DEFAULT_DEVICE)]
    device: String,
    /// Precision: f64 or f32
    #[arg(long, default_value = "f64")]
    dtype: Precision,
}

/// Parameters whose effect on the magnitudes the demo shows.
const SHOWN: [&str; 8] =
    ["logm0", "lgy_at_mcrit", "lg_qt", "lg_drop", "lgmet", "av", "dust_slope", "redshift"];

/// Galaxies of the population.
const N_POPULATION: usize = 400;

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    std::fs::create_dir_all(&args.output).map_err(Error::io("create", &args.output))?;
    let place = Place::open(&args.device, args.dtype)?;
    let settings = ModelSettings::default();
    let filters = FilterSet::embedded("lsst")?;
    let observed = GalaxyModel::new(embedded(), &filters, settings.clone(), &place)?;
    let rest_frame = ModelSettings { frame: Frame::Rest, ..settings };
    let rest = GalaxyModel::new(embedded(), &filters, rest_frame, &place)?;

    let (names, rows) = instructive_galaxies()?;
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let matrix = place.rows(&rows);
    let galaxies = observed.components().galaxies(&matrix, None)?;

    say!("Five galaxies on the embedded PopStar grid ({} {})\n", args.device, args.dtype);
    print_magnitudes(&observed, &galaxies, &names, &args.output)?;
    print_gradients(&observed, &matrix, &names)?;
    spectra_figure(&rest, &galaxies, &names)?.save(&args.output.join("spectra"))?;
    history_figure(&rest, &galaxies, &names)?.save(&args.output.join("histories"))?;
    population(&rest, &args.output)?;

    say!("\nFigures (PNG, SVG) and their numbers (CSV) are in {}/:", args.output.display());
    say!("  spectra     rest-frame spectra of the five galaxies");
    say!("  histories   their star formation histories");
    say!("  population  colours and magnitudes of {N_POPULATION} galaxies");
    say!("\nWhat to try next:");
    let csv = args.output.join("galaxies.csv");
    let out = args.output.join("magnitudes.csv");
    say!("  starburn predict {} -o {} --filters lsst,euclid,twomass", csv.display(), out.display());
    say!(
        "  starburn parameters         what a galaxy is described by; other models with --sfh and more"
    );
    say!("  starburn figures            the figures of the DSPS paper");
    say!("  starburn bench population   how fast 100,000 galaxies are on this machine");
    say!("  starburn filters            the embedded filters");
    say!("  starburn ssp info           the embedded SSP grid");
    say!(
        "  starburn predict --help     catalogues, gradients, spectra, your own grids and filters"
    );
    Ok(ExitCode::SUCCESS)
}

/// Names and parameter rows of galaxies that differ in one telling way each.
fn instructive_galaxies() -> Result<(Vec<&'static str>, Vec<Vec<f64>>)> {
    let [lg_qt, qlglgdt, lg_drop, lg_rejuv] = DiffstarParams::UNQUENCHED;
    let main_sequence: &[(&str, f64)] = &[
        ("lg_qt", lg_qt),
        ("qlglgdt", qlglgdt),
        ("lg_drop", lg_drop),
        ("lg_rejuv", lg_rejuv),
        ("av", 0.3),
    ];
    let galaxies: [(&str, &[(&str, f64)]); 5] = [
        ("main sequence", &[]),
        (
            "quenched",
            &[
                ("lg_qt", 0.75),
                ("qlglgdt", -0.5),
                ("lg_drop", -2.5),
                ("lg_rejuv", -2.0),
                ("av", 0.05),
                ("lgmet", -1.8),
            ],
        ),
        ("dusty", &[("av", 2.0), ("dust_slope", -0.4)]),
        ("metal-poor dwarf", &[("logm0", 11.0), ("indx_lo", 0.6), ("lgmet", -3.3), ("av", 0.0)]),
        ("high redshift", &[("logm0", 12.8), ("redshift", 3.0), ("lgmet", -2.5)]),
    ];
    let mut rows = Vec::new();
    for (_, changes) in galaxies {
        rows.push(Components::default().row(&[main_sequence, changes].concat())?);
    }
    Ok((galaxies.iter().map(|(name, _)| *name).collect(), rows))
}

fn print_magnitudes(
    model: &GalaxyModel,
    galaxies: &GalaxyParams,
    names: &[&str],
    folder: &Path,
) -> Result<()> {
    let prediction = model.predict(galaxies)?;
    let filters = model.filter_names();
    let magnitudes = to_host(prediction.magnitudes)?;
    let formed = to_host(prediction.lg_mass_formed)?;
    let surviving = to_host(prediction.lg_mass_surviving)?;
    let z = to_host(galaxies.observer.redshift.clone())?;

    say!("Apparent AB magnitudes, and log10 of the stellar mass [Msun] formed and surviving");
    let header: String = filters.iter().map(|f| format!(" {f:>7}")).collect();
    say!("{:<18} {:>5}{header} {:>7} {:>9}", "", "z", "formed", "surviving");
    for (g, row) in magnitudes.chunks(filters.len()).enumerate() {
        let cells: String = row.iter().map(|m| format!(" {m:>7.3}")).collect();
        let (name, z, formed, surviving) = (names[g], z[g], formed[g], surviving[g]);
        say!("{name:<18} {z:>5.2}{cells} {formed:>7.3} {surviving:>9.3}");
    }

    let columns = model.components().names();
    let matrix = to_host(galaxies.to_matrix())?;
    let mut csv = format!("name,{}\n", columns.join(","));
    for (name, row) in names.iter().zip(matrix.chunks(columns.len())) {
        let values: Vec<String> = row.iter().map(f64::to_string).collect();
        csv.push_str(&format!("{name},{}\n", values.join(",")));
    }
    write_atomic(&folder.join("galaxies.csv"), csv.as_bytes())
}

fn print_gradients(model: &GalaxyModel, matrix: &Tensor<2>, names: &[&str]) -> Result<()> {
    let wrt = SHOWN.iter().map(|name| model.components().index(name));
    let wrt = wrt.collect::<Result<Vec<usize>>>()?;
    let jacobian = to_host(model.jacobian(matrix, None, &wrt)?.jacobian)?;
    let n_filter = model.filter_names().len();
    say!("\nGradients of the r magnitude, by reverse-mode autodiff: d mag_r / d parameter");
    let header: String = SHOWN.iter().map(|name| format!(" {name:>12}")).collect();
    say!("{:<18}{header}", "");
    for (name, galaxy) in names.iter().zip(jacobian.chunks(n_filter * wrt.len())) {
        let r_band = &galaxy[2 * wrt.len()..3 * wrt.len()];
        // Adding zero turns a negative zero into a plain one.
        let rounded = |g: &f64| (g * 1e5).round() / 1e5 + 0.0;
        let cells: String = r_band.iter().map(|g| format!(" {:>12.5}", rounded(g))).collect();
        say!("{name:<18}{cells}");
    }
    Ok(())
}

fn spectra_figure(model: &GalaxyModel, galaxies: &GalaxyParams, names: &[&str]) -> Result<Figure> {
    let spectra = to_host(model.spectrum(galaxies)?)?;
    let wave = model.wave_aa();
    let shown: Vec<usize> =
        (0..wave.len()).filter(|i| (800.0..=60_000.0).contains(&wave[*i])).collect();
    let mut panel = Panel::new(
        Axis::log("Rest-frame wavelength [Å]").range(800.0, 60_000.0),
        Axis::log("L_ν [L_☉ Hz⁻¹]").range(1e-8, 1e-2),
    )
    .title("Spectra with dust");
    for (name, spectrum) in names.iter().zip(spectra.chunks(wave.len())) {
        let x: Vec<f64> = shown.iter().map(|i| wave[*i]).collect();
        let y: Vec<f64> = shown.iter().map(|i| spectrum[*i]).collect();
        panel = panel.with(Series::new(*name, x, y));
    }
    Ok(Figure::new(vec![panel], 1))
}

fn history_figure(model: &GalaxyModel, galaxies: &GalaxyParams, names: &[&str]) -> Result<Figure> {
    let table = model.star_formation_history(galaxies)?;
    let t = table.times.t_gyr().to_vec();
    let t_obs = to_host(model.t_obs_gyr(galaxies))?;
    let mass = to_host(table.mass_formed())?;
    let sfr = to_host(table.sfr_msun_yr)?;
    let panel = |title: &str, label: &str, range: (f64, f64), values: &[f64]| {
        let axis = Axis::log(label).range(range.0, range.1);
        let mut panel = Panel::new(Axis::linear("Cosmic time [Gyr]"), axis).title(title);
        for (g, (name, row)) in names.iter().zip(values.chunks(t.len())).enumerate() {
            let seen = t.iter().filter(|t| **t <= t_obs[g]).count();
            // The dusty galaxy has the history of the main-sequence one.
            let style = if *name == "dusty" { Style::Dashed } else { Style::Solid };
            panel = panel.with(Series::new(*name, &t[..seen], &row[..seen]).style(style));
        }
        panel
    };
    let rate = panel("Star formation rate", "SFR [M_☉ yr⁻¹]", (1e-3, 1e4), &sfr);
    let formed = panel("Stellar mass formed", "Mass [M_☉]", (1e6, 1e12), &mass);
    let panels = vec![rate.legend(Corner::TopRight), formed.legend(Corner::BottomRight)];
    Ok(Figure::new(panels, 2))
}

/// A small population with metallicities from the mass-metallicity relation: one figure and the
/// time it took.
fn population(model: &GalaxyModel, folder: &Path) -> Result<()> {
    let start = Instant::now();
    let place = model.place();
    let mut rows: Vec<Vec<f64>> = (0..N_POPULATION).map(population_row).collect();
    let parameters = |rows: &[Vec<f64>]| {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        model.components().galaxies(&place.rows(&rows), None)
    };
    let first = parameters(&rows)?;
    let mass = model.predict(&first)?.lg_mass_surviving;
    let relation = MassMetallicityParams::defaults(N_POPULATION, place);
    let lgmet = to_host(mass_metallicity(&relation, &mass, &model.t_obs_gyr(&first)))?;
    let column = model.components().index("lgmet")?;
    for (row, lgmet) in rows.iter_mut().zip(lgmet) {
        row[column] = lgmet;
    }
    let magnitudes = to_host(model.predict(&parameters(&rows)?)?.magnitudes)?;
    let seconds = start.elapsed().as_secs_f64();

    let quenched = |i: usize| i.is_multiple_of(2);
    let select = |wanted: bool| -> (Vec<f64>, Vec<f64>) {
        magnitudes
            .chunks(6)
            .enumerate()
            .filter(|(i, _)| quenched(*i) == wanted)
            .map(|(_, m)| (m[2], m[1] - m[2]))
            .unzip()
    };
    let series = |label: &str, wanted: bool| {
        let (x, y) = select(wanted);
        let color = if wanted { Color::VERMILLION } else { Color::BLUE };
        Series::new(label, x, y).style(Style::Markers(Marker::Circle)).color(color)
    };
    let panel =
        Panel::new(Axis::linear("M_{r} [AB mag]").inverted(), Axis::linear("g − r [AB mag]"))
            .title("Rest-frame colours of a small population")
            .with(series("quenched", true))
            .with(series("main sequence", false));
    Figure::new(vec![panel], 1).save(&folder.join("population"))?;
    say!("\n{N_POPULATION} galaxies with full spectra and six bands in {seconds:.2} s");
    Ok(())
}

/// Parameters of the `i`-th galaxy of the population; every second one is quenched.
fn population_row(i: usize) -> Vec<f64> {
    let is_quenched = i.is_multiple_of(2);
    let draw = |k: u64, lo: f64, hi: f64| lo + (hi - lo) * uniform(0, i as u64, k);
    let [lg_qt, qlglgdt, lg_drop, lg_rejuv] = if is_quenched {
        let lg_drop = draw(1, -2.5, -1.5);
        [draw(2, 0.4, 0.95), draw(3, -0.6, -0.3), lg_drop, draw(4, lg_drop, lg_drop + 0.4)]
    } else {
        DiffstarParams::UNQUENCHED
    };
    Components::default()
        .info()
        .iter()
        .map(|p| match p.name {
            "logm0" => draw(5, 11.0, 13.5),
            "lgmcrit" => draw(6, 11.8, 12.4),
            "lgy_at_mcrit" => draw(7, -10.2, -9.8),
            "indx_hi" => draw(8, -1.2, -0.8),
            "lg_qt" => lg_qt,
            "qlglgdt" => qlglgdt,
            "lg_drop" => lg_drop,
            "lg_rejuv" => lg_rejuv,
            "av" => draw(9, 0.0, if is_quenched { 0.1 } else { 0.6 }),
            _ => p.default,
        })
        .collect()
}
