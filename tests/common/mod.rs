//! Small jobs that several tests run.

#![allow(dead_code, reason = "no test needs all of them")]

/// A configuration of an emulator that is trained in seconds, and judged every so many steps.
pub(crate) fn emulator_config(steps: usize, evaluate_every: usize) -> String {
    let warm_up = steps / 4;
    format!(
        r#"
sfh = "lognormal"

[prior]
t_obs_gyr = [6.0, 12.0]
sfr_t_max = [2.0, 6.0]

[network]
hidden = [8]
n_age = 16

[training]
steps = {steps}
batch = 32
warm_up = {warm_up}
n_held_out = 64
evaluate_every = {evaluate_every}
nodes = 64
"#
    )
}

/// A configuration of an optimization with a known truth, of so many haloes at each of two redshifts.
pub(crate) fn optimize_config(haloes: usize) -> String {
    format!(
        r#"
[model]
filters = "lsst_g,lsst_r"
nodes = 16

[population]
mock = {{ redshifts = [0.3, 0.9], numbers = [{haloes}, {haloes}] }}
batch = 128
free = ["diffstarpop.mean_ulgy_mseq_ytp", "mzr.mzr_t0_ytp", "dust.av_norm"]

[target.truth]
"diffstarpop.mean_ulgy_mseq_ytp" = -10.2
"mzr.mzr_t0_ytp" = -0.2
"dust.av_norm" = 0.9

[[statistic]]
name = "r"
kind = "histogram"
axes = [{{ quantity = "redshift", edges = [0.0, 0.6, 1.2], width = 0.05 }},
        {{ quantity = "lsst_r", first = 17.0, last = 26.0, bins = 5, width = 0.5 }},
        {{ quantity = "lsst_g - lsst_r", first = 0.0, last = 2.0, bins = 3, width = 0.2 }}]

[[stage]]
method = "adam"
steps = 12
learning_rate = 1.0

[[stage]]
method = "gauss_newton"
steps = 4
tolerance = 1e-6
"#
    )
}

/// Options of a model that costs little, whose parameters [`photometry`] is made for.
pub(crate) const CHEAP_FIT: [&str; 8] = [
    "--sfh",
    "delayed_tau",
    "--nodes",
    "16",
    "--filters",
    "lsst_g,lsst_r,lsst_i",
    "--free",
    "lg_mass_formed,av",
];

/// A catalogue of `n` galaxies for `starburn fit`.
pub(crate) fn photometry(n: u64) -> String {
    use starburn::numerics::random::uniform;
    let mut text = "id,redshift,mag_lsst_g,magerr_lsst_g,mag_lsst_r,magerr_lsst_r,\
                    fnu_ujy_lsst_i,fnu_ujy_err_lsst_i\n"
        .to_owned();
    for i in 0..n {
        let x = |k| uniform(7, i, k);
        let (z, r, colour) = (0.1 + x(0), 20.0 + 4.0 * x(1), 0.3 + x(2));
        let (g, i_ujy) = (r + colour, 10f64.powf(-0.4 * (r - 0.4 * colour - 23.9)));
        let error = 0.05 * i_ujy;
        text += &format!("{i},{z:.4},{g:.4},0.05,{r:.4},0.04,{i_ujy:.4},{error:.4}\n");
    }
    text
}
