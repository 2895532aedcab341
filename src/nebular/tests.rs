//! The embedded fit: its graph, its gradients, and what is known about the physics.

use burn::tensor::Tensor;

use super::{EMBEDDED_LINES_SHA256, LineFit};
use crate::device::Place;
use crate::numerics::jacobian::jacobian;
use crate::testing::{assert_close, assert_jacobian, for_each_f64_place, for_each_place, values};

/// log10 of the metallicity of the Sun in the calibration, Z = 0.01524.
const SUN: f64 = -1.8170150;
/// Inside the range and close to its corners.
const POINTS: [[f64; 3]; 6] = [
    [SUN, 6.3, -2.0],
    [SUN - 1.7, 6.9, -3.7],
    [SUN + 0.15, 7.2, -1.2],
    [SUN - 1.98, 5.7, -4.0],
    [SUN + 0.19999, 7.30102, -1.00001],
    [SUN - 0.45, 6.61, -2.8],
];

fn graph(points: &Tensor<2>) -> Tensor<2> {
    let one = |j| points.clone().narrow(1, j, 1).squeeze_dim(1);
    LineFit::embedded().lg_lsun_per_q(&one(0), &one(1), &one(2))
}

fn rows(points: &[[f64; 3]], place: &Place) -> Tensor<2> {
    place.matrix(points.as_flattened(), [points.len(), 3])
}

/// log10 of the luminosities of some lines at each of the points.
fn lines<const N: usize>(names: [&str; N], points: &[[f64; 3]]) -> Vec<[f64; N]> {
    let fit = LineFit::embedded();
    let wanted = names.map(|name| fit.find(name).unwrap());
    let all = fit.lg_lsun_per_q_at(points);
    all.chunks(fit.lines().len()).map(|row| wanted.map(|i| row[i])).collect()
}

/// Points a quarter of a dex apart or less.
fn everywhere() -> Vec<[f64; 3]> {
    let range = LineFit::embedded().range();
    let steps = |[lo, hi]: [f64; 2]| {
        let n = (4.0 * (hi - lo)).ceil();
        (0..=n as usize).map(move |i| lo + (hi - lo) * i as f64 / n)
    };
    let mut points = Vec::new();
    for z in steps(range.lgmet) {
        for age in steps(range.lg_age_yr) {
            points.extend(steps(range.lgu).map(|u| [z, age, u]));
        }
    }
    points
}

#[test]
fn the_embedded_fit_is_the_documented_one() {
    use sha2::{Digest, Sha256};
    let found: String =
        Sha256::digest(LineFit::embedded_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(found, EMBEDDED_LINES_SHA256);
    let fit = LineFit::embedded();
    assert_eq!(fit.lines().len(), 108);
    for fact in ["source", "licence", "residuals", "form"] {
        assert!(fit.provenance().contains_key(fact), "no {fact}");
    }
    for line in fit.lines() {
        assert!(line.typical_dex < 0.02 && line.worst_dex < 0.05, "{line:?}");
        assert!(line.brightest > 0.01, "{line:?}");
    }
}

#[test]
fn the_graph_agrees_with_the_host_in_both_precisions() {
    let want = LineFit::embedded().lg_lsun_per_q_at(&POINTS);
    for_each_place(|place| {
        let got = values(graph(&rows(&POINTS, place)));
        assert_close(&got, &want, 0.0, place.tolerance(1e-11, 5e-5));
    });
}

#[test]
fn gradients_of_all_three_arguments() {
    let fit = LineFit::embedded();
    let some = ["Ba-beta 4861", "[O III] 5007", "[S II] 6716", "C II 157.636um"]
        .map(|name| fit.find(name).unwrap());
    for_each_f64_place(|place| {
        let rows: [&[f64]; 3] = [&POINTS[0], &POINTS[1], &POINTS[5]];
        assert_jacobian(&rows, 1e-7, place, |p| {
            let lines = graph(&p);
            Tensor::cat(some.iter().map(|i| lines.clone().narrow(1, *i, 1)).collect(), 1)
        });
    });
}

/// In single precision, too, no gradient may vanish or overflow.
#[test]
fn gradients_are_finite_and_not_zero_in_every_precision() {
    for_each_place(|place| {
        let sum = |p: Tensor<2>| Ok(graph(&p).sum_dim(1));
        let inside = &POINTS[..3];
        let slopes = values(jacobian(&rows(inside, place), sum).unwrap().jacobian);
        assert!(slopes.iter().all(|s| s.is_finite() && s.abs() > 1e-3), "{slopes:?}");
    });
}

#[test]
fn outside_the_range_the_function_is_that_of_its_edge_and_flat() {
    let range = LineFit::embedded().range();
    let edge = [range.lgmet[0], range.lg_age_yr[1], range.lgu[1]];
    let want = LineFit::embedded().lg_lsun_per_q_at(&[edge]);
    for_each_place(|place| {
        let outside = place.row(&[-6.0, 12.0, 3.0]);
        let tolerance = place.tolerance(1e-11, 5e-5);
        assert_close(&values(graph(&outside)), &want, 0.0, tolerance);
        let sum = |p: Tensor<2>| Ok(graph(&p).sum_dim(1));
        assert_eq!(values(jacobian(&outside, sum).unwrap().jacobian), [0.0; 3]);
    });
}

/// Values of the photoionization models at some nodes, log10 Lsun per ionizing photon per second.
#[test]
fn a_few_models_are_reproduced() {
    let names = ["Ba-beta 4861", "[O III] 5007", "[N II] 6584", "[O II] 3729"];
    let points = [
        [SUN - 1.98, 6.0, -3.0],
        [SUN - 0.39, 3e6f64.log10(), -2.0],
        [SUN, 2e6f64.log10(), -2.0],
        [SUN, 4e6f64.log10(), -1.0],
    ];
    let want = [
        [-45.88806, -46.48869, -48.02845, -46.83232],
        [-45.91048, -45.38393, -46.79631, -45.97424],
        [-45.91239, -46.03672, -46.23356, -46.06824],
        [-45.90458, -46.07668, -46.37139, -46.22732],
    ];
    for (got, want) in lines(names, &points).iter().zip(&want) {
        assert_close(got, want, 0.0, 0.05);
    }
}

/// Ratios set by atomic physics alone: lines of one upper level (Storey & Zeippen 2000 for the first
/// two pairs).
#[test]
fn lines_of_one_upper_level_have_a_fixed_ratio() {
    for (bright, faint, ratio) in [
        ("[O III] 5007", "[O III] 4959", 3.01),
        ("[N II] 6584", "[N II] 6548", 2.95),
        ("[Ne III] 3869", "[Ne III] 3968", 3.32),
        ("[S III] 9532", "[S III] 9069", 2.48),
        ("[O I] 6300", "[O I] 6363", 3.14),
        ("[Ar III] 7135", "[Ar III] 7751", 4.14),
    ] {
        for [bright, faint] in lines([bright, faint], &everywhere()) {
            assert_close(&[10f64.powf(bright - faint)], &[ratio], 2e-3, 0.0);
        }
    }
}

/// Hydrogen recombines alike everywhere: Osterbrock & Ferland (2006), case B between 5000 and 20000 K.
#[test]
fn hydrogen_lines_are_those_of_case_b() {
    let names = [
        "Ba-alpha 6563",
        "Ba-beta 4861",
        "Ba-gamma 4341",
        "Ba-delta 4101.76A",
        "Pa-alpha 1.8751um",
        "Br-gamma 2.16553um",
    ];
    for [alpha, beta, gamma, delta, paschen, brackett] in lines(names, &everywhere()) {
        let to_beta = |line: f64| 10f64.powf(line - beta);
        assert!((2.7..3.5).contains(&to_beta(alpha)), "{}", to_beta(alpha));
        assert!((0.45..0.54).contains(&to_beta(gamma)), "{}", to_beta(gamma));
        assert!((0.24..0.32).contains(&to_beta(delta)), "{}", to_beta(delta));
        assert!((0.29..0.48).contains(&to_beta(paschen)), "{}", to_beta(paschen));
        assert!((0.02..0.045).contains(&to_beta(brackett)), "{}", to_beta(brackett));
    }
    // 4.76e-13 erg in H-beta per ionizing photon. Hard radiation ionizes more than once per photon:
    // the oldest and hottest populations of the models reach twice that.
    let case_b = (4.76e-13f64 / 3.828e33).log10();
    for ([beta], [_, age, _]) in lines(["Ba-beta 4861"], &everywhere()).iter().zip(everywhere()) {
        let allowed = if age < 6.7 { 0.1 } else { 0.3 };
        assert!((beta - case_b).abs() < allowed, "{} at age {age}", beta - case_b);
    }
}

#[test]
fn ionization_and_metallicity_move_the_lines_as_observed() {
    let lgu = [-4.0, -3.5, -3.0, -2.5, -2.0];
    let names = ["[O III] 5007", "[O II] 3729", "Ba-beta 4861", "[N II] 6584", "[S II] 6716"];
    let at = |points: Vec<[f64; 3]>| lines(names, &points);
    let by_u = at(lgu.map(|u| [SUN - 0.4, 6.2, u]).to_vec());
    assert!(by_u.windows(2).all(|w| w[1][0] - w[1][2] > w[0][0] - w[0][2]), "[O III] / H-beta");
    assert!(by_u.windows(2).all(|w| w[1][0] - w[1][1] > w[0][0] - w[0][1]), "[O III] / [O II]");
    assert!(by_u.windows(2).all(|w| w[1][4] - w[1][2] < w[0][4] - w[0][2]), "[S II] / H-beta");
    let by_z = at([-1.9, -1.4, -0.9, -0.4, 0.0].map(|z| [SUN + z, 6.2, -3.0]).to_vec());
    assert!(by_z.windows(2).all(|w| w[1][3] - w[1][2] > w[0][3] - w[0][2]), "[N II] / H-beta");
    // Metals cool the gas: [O III] / H-beta peaks between a tenth of and the solar metallicity.
    let oxygen: Vec<f64> = by_z.iter().map(|l| l[0] - l[2]).collect();
    assert!(oxygen[3].max(oxygen[2]) > oxygen[0].max(oxygen[4]), "{oxygen:?}");
}

/// Density diagnostics stay at the models' 100 electrons per cubic centimetre.
#[test]
fn density_ratios_are_in_the_low_density_limit() {
    let names = ["[S II] 6716", "[S II] 6731", "[O II] 3729", "[O II] 3726"];
    for [s1, s2, o1, o2] in lines(names, &everywhere()) {
        assert!((1.2..1.45).contains(&10f64.powf(s1 - s2)), "{}", 10f64.powf(s1 - s2));
        assert!((1.25..1.5).contains(&10f64.powf(o1 - o2)), "{}", 10f64.powf(o1 - o2));
    }
}
