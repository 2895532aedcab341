//! Train a small emulator of P(age) for a history of one's choice, and compare it with the exact one.
//!
//! Run with `cargo run --release --example train_age_emulator`.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use starburn::Result;
use starburn::device::{DEFAULT_DEVICE, Place, Precision, to_host};
use starburn::emulator::{AgeEmulator, EmulatorConfig, Event, Trainer};
use starburn::sfh::{AgeWeightMethod, FB, LookbackNodes, SfhContext, SfhModel, TimeTable};
use starburn::ssp::embedded;

/// Parameters are the only inputs here; this much training takes delayed exponentials to a hundredth of a
/// magnitude at the median. `n_rate = 32` under `[network]` adds exact rates, and accuracy.
const CONFIG: &str = r#"
sfh = "delayed_tau"

[prior]
t_obs_gyr = [3.0, 13.8]
t_start = [0.1, 2.0]
tau = [0.3, 10.0]
lg_mass_formed = [8.0, 12.0]

[network]
hidden = [48, 48]

[training]
steps = 2000
batch = 512
warm_up = 100
n_held_out = 1024
"#;

fn main() -> Result<()> {
    let place = Place::open(DEFAULT_DEVICE, Precision::F32)?;
    let mut trainer = Trainer::new(EmulatorConfig::parse(CONFIG)?, embedded(), &place)?;
    trainer.run(|event| {
        if let Event::Look(look, _) = event {
            println!(
                "step {}: errors of magnitudes {:.1e} (median), {:.1e} (99 %)",
                look.step, look.median_mag, look.p99_mag
            );
        }
        Ok(true)
    })?;
    let emulator = AgeEmulator::from_checkpoint(trainer.state())?;

    // One galaxy both ways.
    let ages = &embedded().ages;
    let (t_start, tau, lg_mass) = (0.8, 3.0, 10.5);
    let columns = [lg_mass, t_start, tau].map(|value| place.vector(&[value]));
    let sfh = SfhModel::DelayedTau.take(&mut columns.into_iter());
    let t_obs = place.vector(&[9.0]);
    let emulated = emulator.on(ages, &place)?.age_distribution(&sfh, &t_obs)?;
    let context = SfhContext {
        t_ref_gyr: &t_obs,
        method: AgeWeightMethod::Nodes,
        times: &TimeTable::default(),
        nodes: &LookbackNodes::default(),
        lgt0: emulator.config().lgt0,
        fb: FB,
    };
    let exact = sfh.age_distribution(&context, &t_obs, ages)?;
    let mut younger = [0.0; 2];
    println!("\n{:>10} {:>10} {:>10}", "age [Gyr]", "emulated", "exact");
    let (emulated, exact) = (to_host(emulated.weights)?, to_host(exact.weights)?);
    for (i, edge) in ages.edges_gyr()[1..].iter().enumerate() {
        younger[0] += emulated[i];
        younger[1] += exact[i];
        if i % 8 == 0 {
            println!("{edge:>10.4} {:>10.6} {:>10.6}", younger[0], younger[1]);
        }
    }
    Ok(())
}
