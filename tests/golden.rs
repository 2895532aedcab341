//! Agreement with the originals: values and Jacobians computed by dsps 0.4.8, diffstar 1.0.3 and
//! diffmah 0.7.3 in f64, kept in `tests/golden/` with their inputs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::PathBuf;

use burn::tensor::Tensor;
use starburn::cosmology::{CosmologyValues, Quadrature};
use starburn::device::{Place, Precision};
use starburn::dust::{AttenuationCurve, ScreenParams, transmission};
use starburn::filter::{Filter, FilterSet};
use starburn::halo::{DiffmahParams, LGT0, diffmah};
use starburn::imf::Imf;
use starburn::metallicity::{
    LognormalMdfParams, MassMetallicityParams, MetallicityGrid, lognormal_weights,
    mass_metallicity, table_weights,
};
use starburn::numerics::jacobian::jacobian;
use starburn::parameters::ParameterSet;
use starburn::photometry::{AB0_LSUN_HZ, AB0_UJY, Bandpasses, SspMagnitudes, ab_magnitude};
use starburn::population::{Frame, GalaxyModel, GalaxyParams, ModelSettings};
use starburn::sed::{
    EquivalentWidthKernel, LineWindow, composite_spectrum, rest_lnu_lsun_hz, ssp_weights,
    ssp_weights_met_table,
};
use starburn::sfh::{
    AgeGrid, AgeWeightMethod, BurstParams, DiffstarParams, FB, LookbackNodes, SfhTable, TimeTable,
    add_burst, age_weights, diffstar,
};
use starburn::ssp::{SspTensors, embedded};
use starburn::store::Store;
use starburn::testing::{assert_close, every_place, for_each_f64_place, places, values};

/// Kernels agree to this relative precision.
const KERNEL: f64 = 1e-9;

struct Golden {
    store: Store,
    path: PathBuf,
}

impl Golden {
    fn read(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/golden/{name}.safetensors"));
        Self { store: Store::read(&path).unwrap(), path }
    }

    fn get(&self, name: &str) -> Vec<f64> {
        let axes = self.store.arrays[name].shape.len();
        self.store.array(name, axes, &self.path).unwrap().to_f64()
    }

    fn vector(&self, name: &str, place: &Place) -> Tensor<1> {
        place.vector(&self.get(name))
    }

    /// An array of two axes.
    fn matrix(&self, name: &str, place: &Place) -> Tensor<2> {
        let array = self.store.array(name, 2, &self.path).unwrap();
        place.matrix(&array.to_f64(), [array.shape[0], array.shape[1]])
    }

    fn times(&self) -> TimeTable {
        TimeTable::new(self.get("t")).unwrap()
    }

    fn ages(&self) -> AgeGrid {
        AgeGrid::new(self.get("ssp_lg_age_gyr")).unwrap()
    }
}

fn check<const D: usize>(got: Tensor<D>, golden: &Golden, name: &str, tolerance: f64) {
    eprintln!("{name}");
    assert_close(&values(got), &golden.get(name), tolerance, 1e-300);
}

#[test]
fn cosmology() {
    let golden = Golden::read("cosmology");
    let z = golden.get("z");
    for_each_f64_place(|place| {
        let z = place.vector(&z);
        let mut rows: Vec<Vec<Tensor<1>>> = Vec::new();
        for c in golden.get("cosmology").chunks(4) {
            let cosmology = CosmologyValues { om0: c[0], w0: c[1], wa: c[2], h: c[3] }
                .at(place, Quadrature::Dsps);
            rows.push(vec![
                cosmology.age_today_gyr(),
                cosmology.age_at_z_gyr(&z),
                cosmology.lookback_gyr(&z),
                cosmology.comoving_distance_mpc(&z),
                cosmology.luminosity_distance_mpc(&z),
                cosmology.angular_diameter_distance_mpc(&z),
                cosmology.distance_modulus(&z),
                cosmology.differential_comoving_volume_mpc3_sr(&z),
                cosmology.rho_crit_msun_kpc3(&z),
            ]);
        }
        let names = [
            "age_at_z0",
            "age_at_z",
            "lookback_to_z",
            "comoving_distance_to_z",
            "luminosity_distance_to_z",
            "angular_diameter_distance_to_z",
            "distance_modulus_to_z",
            "differential_comoving_volume_at_z",
            "rho_crit",
        ];
        for (k, name) in names.iter().enumerate() {
            let all = Tensor::cat(rows.iter().map(|row| row[k].clone()).collect(), 0);
            check(all, &golden, name, KERNEL);
        }
    });
}

#[test]
fn imf_fractions() {
    let golden = Golden::read("imf");
    for_each_f64_place(|place| {
        let lg_age = golden.vector("lg_age_yr", place);
        for &imf in Imf::ALL {
            let surviving = imf.surviving_fraction(lg_age.clone());
            check(surviving, &golden, &format!("surviving_{imf}"), KERNEL);
            check(imf.remnant_fraction(lg_age.clone()), &golden, &format!("remnant_{imf}"), KERNEL);
        }
    });
}

#[test]
fn halo_histories() {
    let golden = Golden::read("diffmah");
    for_each_f64_place(|place| {
        let params = DiffmahParams::from_matrix(&golden.matrix("mah_params", place)).unwrap();
        let halo = diffmah(&params, place.row(&golden.get("t")), LGT0);
        check(halo.lg_mass, &golden, "log_mah", KERNEL);
        check(halo.dmdt_msun_yr, &golden, "dmhdt", KERNEL);
    });
}

#[test]
fn star_formation_histories() {
    let golden = Golden::read("diffstar");
    for_each_f64_place(|place| {
        let halo = DiffmahParams::from_matrix(&golden.matrix("mah_params", place)).unwrap();
        let galaxy = DiffstarParams::from_matrix(&golden.matrix("sfh_params", place)).unwrap();
        let table = diffstar(&halo, &galaxy, &golden.times(), LGT0, FB).unwrap();
        check(table.mass_formed(), &golden, "smh", KERNEL);
        check(table.sfr_msun_yr, &golden, "sfh", KERNEL);
    });
}

#[test]
fn stellar_ages() {
    let golden = Golden::read("age_weights");
    for_each_f64_place(|place| {
        let sfh = SfhTable::new(golden.times(), golden.matrix("sfh", place)).unwrap();
        let t_obs = golden.vector("t_obs", place);
        for method in [AgeWeightMethod::Table, AgeWeightMethod::Safe] {
            let weights = values(age_weights(&sfh, &t_obs, &golden.ages(), method).weights);
            // A bin is a difference of masses, and the originals hold masses as log10 near 11,
            // whose last bit is a relative 4e-15 of the total: young bins of quenched galaxies
            // have no more than that.
            assert_close(&weights, &golden.get("age_weights"), 1e-7, 2e-14);
        }
    });
}

#[test]
fn metallicity_distributions() {
    let golden = Golden::read("metallicity_weights");
    for_each_f64_place(|place| {
        let grid = MetallicityGrid::new(golden.get("ssp_lgmet")).unwrap();
        let params = LognormalMdfParams {
            lgmet: golden.vector("lgmet", place),
            lgmet_scatter: golden.vector("scatter", place),
        };
        // Bins in the far tail are differences of cumulatives near 0 or 1.
        let weights = values(lognormal_weights(&params, &grid));
        assert_close(&weights, &golden.get("weights"), KERNEL, 1e-15);
        let by_age = table_weights(
            &golden.matrix("lgmet_table", place),
            &golden.times(),
            &params.lgmet_scatter,
            &golden.vector("t_obs", place),
            &grid,
            &golden.ages(),
        );
        assert_close(&values(by_age), &golden.get("weights_table"), KERNEL, 1e-15);
    });
}

#[test]
fn mass_metallicity_relation() {
    let golden = Golden::read("mass_metallicity");
    for_each_f64_place(|place| {
        let mass = golden.vector("lgmstar", place);
        let params = MassMetallicityParams::defaults(mass.dims()[0], place);
        let lgmet = mass_metallicity(&params, &mass, &golden.vector("t", place));
        check(lgmet, &golden, "lgmet", KERNEL);
    });
}

#[test]
fn bursts() {
    let golden = Golden::read("burst");
    for_each_f64_place(|place| {
        let burst = BurstParams::from_matrix(&golden.matrix("burst_params", place)).unwrap();
        let bursty = add_burst(golden.matrix("smooth", place), &burst, &golden.ages());
        // At the edge of the burst the triweight is the cube of a rounding difference.
        assert_close(&values(bursty), &golden.get("bursty"), KERNEL, 1e-18);
    });
}

#[test]
fn composite_spectra() {
    let golden = Golden::read("sed");
    for_each_f64_place(|place| {
        let grid = embedded();
        let ssp = SspTensors::new(grid, place);
        let sfh = SfhTable::new(golden.times(), golden.matrix("sfh", place)).unwrap();
        let t_obs = golden.vector("t_obs", place);
        let ages = age_weights(&sfh, &t_obs, &grid.ages, AgeWeightMethod::Table);
        let params = LognormalMdfParams {
            lgmet: golden.vector("lgmet", place),
            lgmet_scatter: golden.vector("scatter", place),
        };
        let lognormal =
            ssp_weights(lognormal_weights(&params, &grid.metallicities), ages.weights.clone());
        let table = table_weights(
            &golden.matrix("lgmet_table", place),
            &golden.times(),
            &params.lgmet_scatter,
            &t_obs,
            &grid.metallicities,
            &grid.ages,
        );
        let by_table = ssp_weights_met_table(table, ages.weights);
        let every_third = |spectrum: Vec<f64>| -> Vec<f64> {
            spectrum.chunks(1229).flat_map(|row| row.iter().step_by(3).copied()).collect()
        };
        for (weights, w_name, sed_name) in [
            (lognormal, "ssp_weights", "rest_sed"),
            (by_table, "ssp_weights_met_table", "rest_sed_met_table"),
        ] {
            assert_close(&values(weights.joint.clone()), &golden.get(w_name), 1e-7, 2e-14);
            let sed = rest_lnu_lsun_hz(composite_spectrum(&weights, &ssp), &ages.lg_mass_formed);
            // Ionizing light comes from the youngest bins, which carry the rounding named above.
            assert_close(&every_third(values(sed)), &golden.get(sed_name), 1e-7, 1e-300);
        }
    });
}

/// The six LSST filters of the golden photometry.
fn golden_filters() -> FilterSet {
    let golden = Golden::read("photometry");
    let (wave, transmission) = (golden.get("filter_wave"), golden.get("filter_trans"));
    let filters = wave.chunks(300).zip(transmission.chunks(300)).zip("ugrizy".chars());
    FilterSet::new(
        filters
            .map(|((w, t), band)| {
                Filter::new(format!("lsst_{band}"), w.to_vec(), t.to_vec(), "golden").unwrap()
            })
            .collect(),
    )
    .unwrap()
}

#[test]
fn photometry() {
    let golden = Golden::read("photometry");
    let sed = Golden::read("sed");
    for_each_f64_place(|place| {
        let grid = embedded();
        let ssp = SspTensors::new(grid, place);
        let bands = Bandpasses::new(&golden_filters(), &grid.wave_aa, place);
        let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Dsps);

        let rest = SspMagnitudes::rest(&ssp, &bands);
        assert_close(&values(rest.magnitudes.clone()), &golden.get("ssp_rest_mag"), 0.0, 1e-6);
        let z_table = golden.get("z_table");
        let tables = SspMagnitudes::on_redshifts(&ssp, &bands, &z_table, &cosmology).unwrap();
        let observed: Vec<f64> =
            tables.iter().flat_map(|table| values(table.magnitudes.clone())).collect();
        assert_close(&observed, &golden.get("ssp_obs_mag"), 0.0, 1e-6);

        let sfh = SfhTable::new(sed.times(), sed.matrix("sfh", place)).unwrap();
        let t_obs = sed.vector("t_obs", place);
        let ages = age_weights(&sfh, &t_obs, &grid.ages, AgeWeightMethod::Table);
        let params = LognormalMdfParams {
            lgmet: sed.vector("lgmet", place),
            lgmet_scatter: sed.vector("scatter", place),
        };
        let weights = ssp_weights(lognormal_weights(&params, &grid.metallicities), ages.weights);
        let want = golden.get("rest_mag");
        let by_table = rest.of_galaxies(&weights, &ages.lg_mass_formed);
        assert_close(&values(by_table), &want, 0.0, 1e-6);

        let spectrum = composite_spectrum(&weights, &ssp);
        let mass = ages.lg_mass_formed.unsqueeze_dim::<2>(1) * 2.5;
        let by_spectrum = ab_magnitude(bands.flux_at_common(spectrum.clone(), 0.0)) - mass.clone();
        assert_close(&values(by_spectrum), &want, 0.0, 1e-6);

        let z = golden.vector("redshift", place);
        let dimming = cosmology.distance_modulus(&z) - z.clone().log1p() * (2.5 / 10f64.ln());
        let observed =
            ab_magnitude(bands.flux_at(spectrum, &z)) - mass + dimming.unsqueeze_dim::<2>(1);
        assert_close(&values(observed), &golden.get("obs_mag"), 0.0, 1e-6);
    });
}

#[test]
fn dust_curves() {
    let golden = Golden::read("dust");
    for_each_f64_place(|place| {
        let wave = golden.get("wave_micron");
        let params = ScreenParams {
            av: golden.vector("av", place),
            dust_bump: golden.vector("bump", place),
            dust_slope: golden.vector("slope", place),
            dust_floor: golden.vector("floor", place),
        };
        for (curve, name) in [
            (AttenuationCurve::Calzetti00, "calzetti00"),
            (AttenuationCurve::Leitherer02, "leitherer02"),
            (AttenuationCurve::Noll09, "noll09"),
            (AttenuationCurve::Salim18, "sbl18"),
            (AttenuationCurve::Triweight, "triweight"),
        ] {
            check(curve.k(&wave, &params), &golden, name, KERNEL);
        }
        let through = transmission(AttenuationCurve::Salim18, &wave, &params);
        check(through, &golden, "frac_trans", KERNEL);
    });
}

#[test]
fn equivalent_widths() {
    let golden = Golden::read("equivalent_width");
    let window = LineWindow {
        centre_aa: 5000.0,
        line_aa: (4985.0, 5015.0),
        blue_aa: (4900.0, 4950.0),
        red_aa: (5050.0, 5100.0),
    };
    let kernel = EquivalentWidthKernel::new(&golden.get("wave"), &window).unwrap();
    for_each_f64_place(|place| {
        let measured = kernel.measure(golden.matrix("spectrum", place));
        check(measured.ew_aa, &golden, "ew", KERNEL);
        check(measured.line_flux, &golden, "line_flux", KERNEL);
        check(measured.continuum, &golden, "continuum", KERNEL);
    });
}

/// Dusty observed magnitudes of the golden galaxies and their Jacobian, `(magnitudes, jacobian)`.
fn dusty_magnitudes(place: &Place, method: AgeWeightMethod) -> (Vec<f64>, Vec<f64>) {
    let golden = Golden::read("gradients");
    let settings = ModelSettings {
        frame: Frame::Observed,
        age_weights: method,
        times: golden.times(),
        ..ModelSettings::default()
    };
    let model = GalaxyModel::new(embedded(), &golden_filters(), settings, place).unwrap();
    let z = golden.get("redshift");
    let rows: Vec<Vec<f64>> = golden
        .get("params")
        .chunks(18)
        .zip(&z)
        .map(|(params, z)| [params, &[0.0, *z]].concat())
        .collect();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let wrt: Vec<usize> = (0..18).collect();
    let t_obs = golden.vector("t_obs", place);
    let result = model.jacobian(&place.rows(&rows), Some(&t_obs), &wrt).unwrap();
    (values(result.values), values(result.jacobian))
}

#[test]
fn dusty_magnitudes_and_their_jacobian() {
    let golden = Golden::read("gradients");
    for_each_f64_place(|place| {
        for method in [AgeWeightMethod::Table, AgeWeightMethod::Safe] {
            let (magnitudes, jacobian) = dusty_magnitudes(place, method);
            assert_close(&magnitudes, &golden.get("obs_mag"), 0.0, 1e-6);
            assert_close(&jacobian, &golden.get("jacobian"), 1e-6, 1e-9);
        }
    });
}

/// The 64 golden galaxies with dust and redshifts of their own: parameters and times of observation.
fn golden_galaxies() -> (Vec<Vec<f64>>, Vec<f64>) {
    let (star, met) = (Golden::read("diffstar"), Golden::read("metallicity_weights"));
    let (dust, ages) = (Golden::read("dust"), Golden::read("age_weights"));
    let (halo, sfh) = (star.get("mah_params"), star.get("sfh_params"));
    let (lgmet, scatter) = (met.get("lgmet"), met.get("scatter"));
    let dust = ["av", "bump", "slope", "floor"].map(|name| dust.get(name));
    let rows = (0..64)
        .map(|g| {
            let mut row = [&halo[5 * g..5 * g + 5], &sfh[8 * g..8 * g + 8]].concat();
            row.extend([lgmet[g], scatter[g]]);
            row.extend(dust.iter().map(|values| values[g % values.len()]));
            row.push(0.05 + 0.045 * g as f64);
            row
        })
        .collect();
    (rows, ages.get("t_obs"))
}

/// Asserts that derivatives agree, relative to the largest of each galaxy and band.
fn assert_jacobian_close(got: &[f64], want: &[f64], n: usize) {
    for (got, want) in got.chunks(n).zip(want.chunks(n)) {
        let largest = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert_close(got, want, 0.0, 1e-3 * largest);
    }
}

/// Asserts that magnitudes and their Jacobian at a place of single precision are the reference ones.
fn assert_reference_magnitudes(place: &Place) {
    let golden = Golden::read("gradients");
    let (magnitudes, jacobian) = dusty_magnitudes(place, AgeWeightMethod::Safe);
    assert_close(&magnitudes, &golden.get("obs_mag"), 0.0, 1e-3);
    assert_jacobian_close(&jacobian, &golden.get("jacobian"), 18);
}

#[test]
fn gpus_give_the_reference_magnitudes_and_their_jacobian() {
    let (rows, t_obs) = golden_galaxies();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let magnitudes = |place: &Place| {
        let settings = ModelSettings::default();
        let model = GalaxyModel::new(embedded(), &golden_filters(), settings, place).unwrap();
        let t_obs = Some(place.vector(&t_obs));
        let galaxies = model.components().galaxies(&place.rows(&rows), t_obs).unwrap();
        values(model.predict(&galaxies).unwrap().magnitudes)
    };
    let exact = magnitudes(&places(Precision::F64)[0]);
    for place in every_place().iter().filter(|place| !place.is_cpu()) {
        assert_reference_magnitudes(place);
        assert_close(&magnitudes(place), &exact, 0.0, 1e-3);
    }
}

#[test]
fn single_precision_is_as_good_a_model() {
    let (rows, t_obs) = golden_galaxies();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let wrt: Vec<usize> = (0..20).collect();
    let predict = |place: &Place| {
        let settings = ModelSettings::default();
        let model = GalaxyModel::new(embedded(), &golden_filters(), settings, place).unwrap();
        let t_obs = place.vector(&t_obs);
        let result = model.jacobian(&place.rows(&rows), Some(&t_obs), &wrt).unwrap();
        (values(result.values), values(result.jacobian))
    };
    let (exact_magnitudes, exact_jacobian) = predict(&places(Precision::F64)[0]);
    for place in places(Precision::F32) {
        assert_reference_magnitudes(&place);
        let (magnitudes, jacobian) = predict(&place);
        assert_close(&magnitudes, &exact_magnitudes, 0.0, 1e-3);
        let all_but_redshift = |jacobian: &[f64]| -> Vec<f64> {
            jacobian.chunks(20).flat_map(|row| row[..19].to_vec()).collect()
        };
        let (got, want) = (all_but_redshift(&jacobian), all_but_redshift(&exact_jacobian));
        assert_jacobian_close(&got, &want, 19);
        // Each filter sample that crosses a knot of the spectrum is a kink in redshift, and f32 may
        // see a sample on its other side: rarely, and by one sample's worth of slope.
        let rows = || jacobian.chunks(20).zip(exact_jacobian.chunks(20));
        let off = |share: f64| {
            let far = |(got, want): &(&[f64], &[f64])| {
                (got[19] - want[19]).abs() > share * want[19].abs()
            };
            rows().filter(far).count()
        };
        assert!(off(1e-3) * 20 <= rows().count(), "{} of {}", off(1e-3), rows().count());
        assert_eq!(off(0.3), 0);
    }
}

/// The spectrum in microjansky, integrated through a band, is the predicted magnitude.
#[test]
fn spectra_and_magnitudes_are_the_same_light() {
    let (rows, t_obs) = golden_galaxies();
    for_each_f64_place(|place| {
        for frame in [Frame::Observed, Frame::Rest] {
            let settings = ModelSettings { frame, ..ModelSettings::default() };
            let model = GalaxyModel::new(embedded(), &golden_filters(), settings, place).unwrap();
            for g in [3, 20, 41] {
                let z = rows[g][19];
                let t_obs = place.vector(&t_obs[g..=g]);
                let galaxies =
                    model.components().galaxies(&place.rows(&[&rows[g]]), Some(t_obs)).unwrap();
                let spectrum = model.spectrum(&galaxies).unwrap();
                // Bandpasses take spectra per 10^-14 Lsun/Hz at 10 pc.
                let (stretch, to_lsun_hz) = match frame {
                    Frame::Observed => (1.0 + z, AB0_LSUN_HZ / AB0_UJY),
                    Frame::Rest => (1.0, 1.0),
                };
                let wave: Vec<f64> = embedded().wave_aa.iter().map(|w| w * stretch).collect();
                let bands = Bandpasses::new(&golden_filters(), &wave, place);
                let flux = bands.flux_at_common(spectrum * (to_lsun_hz * 1e14), 0.0);
                let predicted = values(model.predict(&galaxies).unwrap().magnitudes);
                assert_close(&values(ab_magnitude(flux)), &predicted, 0.0, 1e-9);
            }
        }
    });
}

/// Errors of P(age) in LSST u, against converged quadrature, of DSPS's table and of look-back nodes: the
/// numbers of docs/accuracy.md.
#[test]
fn look_back_nodes_are_better_than_a_table() {
    let (rows, t_obs) = golden_galaxies();
    let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
    let place = &places(Precision::F64)[0];
    let u_mag = |age_weights: AgeWeightMethod, n: usize| {
        let settings = ModelSettings {
            frame: Frame::Rest,
            age_weights,
            times: TimeTable::uniform(0.1, 13.8, 100).unwrap(),
            nodes: LookbackNodes::new(n).unwrap(),
            ..ModelSettings::default()
        };
        let model = GalaxyModel::new(embedded(), &golden_filters(), settings, place).unwrap();
        let t_obs = place.vector(&t_obs);
        let galaxies = model.components().galaxies(&place.rows(&rows), Some(t_obs)).unwrap();
        values(model.predict(&galaxies).unwrap().magnitudes.narrow(1, 0, 1))
    };
    let exact = u_mag(AgeWeightMethod::Nodes, 4096);
    // Median, 90th percentile and largest.
    let errors = |method, n| {
        let mut off: Vec<f64> =
            u_mag(method, n).iter().zip(&exact).map(|(m, e)| (m - e).abs()).collect();
        off.sort_by(f64::total_cmp);
        [off[32], off[57], off[63]]
    };
    let table = errors(AgeWeightMethod::Table, 64);
    eprintln!("table of 100 times: {table:.5?}");
    for n in [24, 32, 48, 64, 96, 128] {
        eprintln!("{n} nodes: {:.5?}", errors(AgeWeightMethod::Nodes, n));
    }
    let nodes = errors(AgeWeightMethod::Nodes, 64);
    assert!(nodes[0] < 6e-4 && nodes[1] < 8e-3 && nodes[2] < 0.03, "{nodes:?}");
    for (nodes, table) in errors(AgeWeightMethod::Nodes, 48).iter().zip(table) {
        assert!(*nodes < 0.25 * table);
    }
}

#[test]
fn the_time_of_observation_follows_the_redshift_unless_given() {
    for_each_f64_place(|place| {
        let model =
            GalaxyModel::new(embedded(), &golden_filters(), ModelSettings::default(), place)
                .unwrap();
        let row = model.components().default_values();
        let galaxies = model.components().galaxies(&place.rows(&[&row]), None).unwrap();
        let cosmology = CosmologyValues::PLANCK15.at(place, Quadrature::Dsps);
        let want = values(cosmology.age_at_z_gyr(&galaxies.observer.redshift));
        assert_close(&values(model.t_obs_gyr(&galaxies)), &want, 1e-15, 0.0);
        let given = GalaxyParams { t_obs_gyr: Some(place.vector(&[5.5])), ..galaxies };
        assert_eq!(values(model.t_obs_gyr(&given)), [5.5]);
    });
}

/// Gradient of a magnitude with respect to A_V, a number computed with the originals.
#[test]
fn gradient_of_an_attenuated_magnitude() {
    let linspace = |lo: f64, hi: f64, n: u32| -> Vec<f64> {
        (0..n).map(|i| lo + (hi - lo) * f64::from(i) / f64::from(n - 1)).collect()
    };
    let wave = linspace(900.0, 20000.0, 3000);
    let spectrum: Vec<f64> =
        wave.iter().map(|w| (w / 5000.0f64).powf(-0.7) * (1.0 + 0.3 * (w / 57.0).sin())).collect();
    let filter_wave = linspace(5370.0, 7060.0, 1690);
    let curve = filter_wave.iter().map(|w| (-(w - 6200.0).powi(2) / 180_000.0).exp()).collect();
    let filter = Filter::new("gaussian", filter_wave, curve, "made for a test").unwrap();
    let wave_um: Vec<f64> = wave.iter().map(|w| w / 1e4).collect();
    for_each_f64_place(|place| {
        let filters = FilterSet::new(vec![filter.clone()]).unwrap();
        let bands = Bandpasses::new(&filters, &wave, place);
        let result = jacobian(&place.row(&[1.0, 0.85, 0.0, 0.0]), |p| {
            let dust = ScreenParams::from_matrix(&p)?;
            let through = transmission(AttenuationCurve::Salim18, &wave_um, &dust);
            Ok(ab_magnitude(bands.flux_at_common(place.row(&spectrum) * through, 0.0)))
        })
        .unwrap();
        assert_close(&values(result.jacobian)[..1], &[0.880251078940147], 1e-6, 0.0);
    });
}
