//! `starburn bench backends`: the same model on every device.

use std::path::PathBuf;
use std::process::ExitCode;

use super::bench::write_report;
use crate::Result;
use crate::bench::{BackendRow, BackendsBench, BackendsReport};
use crate::sfh::LookbackNodes;
use crate::ssp::embedded;

#[derive(clap::Args)]
pub(super) struct BackendsArgs {
    /// Devices, separated by commas [default: all that are found]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    device: Vec<String>,
    /// Galaxies per call, separated by commas
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NUMBERS",
        default_value = "64,512,4096,16384"
    )]
    batch: Vec<usize>,
    /// Look-back nodes
    #[arg(long, default_value_t = LookbackNodes::DEFAULT)]
    nodes: usize,
    /// Timed runs
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw time per galaxy against batch: STEM.png, STEM.svg and STEM.csv
    #[arg(long, value_name = "STEM")]
    figure: Option<PathBuf>,
}

pub(super) fn run(args: &BackendsArgs) -> Result<ExitCode> {
    let bench = BackendsBench {
        devices: args.device.clone(),
        batches: args.batch.clone(),
        nodes: args.nodes,
        repeats: args.repeat,
    };
    say!("Magnitudes in six bands, and their gradient; errors against f64 on the CPU\n");
    say!(
        "{:<13} {:>7} {:^15} {:^17} {:^11} {:>7}  errors",
        "",
        "",
        "first call [s]",
        "us per galaxy",
        "launches",
        "memory"
    );
    say!(
        "{:<13} {:>7} {:>7} {:>7} {:>8} {:>8} {:>5} {:>5} {:>7}  {:<8} {:<8}",
        "device",
        "batch",
        "",
        "grad.",
        "",
        "grad.",
        "",
        "grad.",
        "MB",
        "mag",
        "gradient"
    );
    let report = bench.run(embedded(), print_row)?;
    print_rest(&report);
    write_report(&report, args.json.as_deref())?;
    if let Some(stem) = &args.figure {
        report.figure().save(stem)?;
        say!("{}.png, .svg, .csv", stem.display());
    }
    let is_fine = report.rows.iter().all(|row| row.within_tolerance);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_row(row: &BackendRow) {
    let launches = |n| if row.adapter.is_some() { format!("{n}") } else { "-".into() };
    let memory = row.peak_rss_mb.map_or("-".into(), |mb| format!("{mb:.0}"));
    say!(
        "{:<13} {:>7} {:>7.2} {:>7.2} {:>8.2} {:>8.2} {:>5} {:>5} {memory:>7}  {:<8.1e} {:<8.1e}{}",
        format!("{} {}", row.device, row.dtype),
        row.batch,
        row.first_forward_s,
        row.first_gradient_s,
        row.forward.us_per_galaxy.min,
        row.gradient.us_per_galaxy.min,
        launches(row.forward_launches),
        launches(row.gradient_launches),
        row.magnitude_error,
        row.gradient_error,
        if row.within_tolerance { "" } else { " BEYOND TOLERANCE" },
    );
}

fn print_rest(report: &BackendsReport) {
    say!("");
    let mut named: Vec<&str> = Vec::new();
    for row in &report.rows {
        let Some(adapter) = row.adapter.as_ref().filter(|_| !named.contains(&row.device.as_str()))
        else {
            continue;
        };
        named.push(&row.device);
        let memory = row.device_memory_mb.unwrap_or_default();
        say!("{} is {adapter}; it has set {memory:.0} MB aside", row.device);
    }
    for absent in &report.absent {
        say!("{}: {}", absent.device, absent.reason);
    }
    for crossover in &report.crossovers {
        let from = |batch: Option<f64>| match batch {
            Some(batch) => format!("from {batch:.0} galaxies per call on"),
            None => "at no batch measured".into(),
        };
        say!(
            "{} {} is faster than the CPU {}, with the gradient {}",
            crossover.device,
            crossover.dtype,
            from(crossover.forward_batch),
            from(crossover.gradient_batch)
        );
    }
}
