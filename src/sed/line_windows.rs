//! Windows for the equivalent widths of common emission lines.
//!
//! All wavelengths are in vacuum; limits that are published for air were converted with the
//! refractive index of Ciddor (1996). The continuum windows hold none of the emission lines that
//! FSPS knows, except that of [`LineWindow::around`].

use super::LineWindow;
use crate::Result;
use crate::ssp::find_line;

/// The windows of a line, with what lies in them and where they come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedLineWindow {
    /// Name of the line or blend.
    pub name: &'static str,
    /// The windows.
    pub window: LineWindow,
    /// FSPS labels of the lines in the line window: what is measured is their sum.
    pub lines: &'static [&'static str],
    /// Publication whose limits these are, or what guided our own.
    pub source: &'static str,
}

/// Windows of common lines, by wavelength.
pub static LINE_WINDOWS: &[NamedLineWindow] = &[
    NamedLineWindow {
        name: "Ly-alpha 1216",
        window: window(1215.67, (1200.0, 1235.0), (1165.0, 1196.0), (1250.0, 1285.0)),
        lines: &["He II 1215.13A", "Ly-alpha 1215"],
        source: "Own choice; the continuum keeps clear of N V 1239, 1243.",
    },
    NamedLineWindow {
        name: "C III] 1908",
        window: window(1907.7, (1898.0, 1918.0), (1825.0, 1850.0), (1925.0, 1975.0)),
        lines: &["[C III] 1907", "[C III] 1910"],
        source: "Own choice; Si III] 1883, 1892 and Al III 1855, 1863 are outside.",
    },
    NamedLineWindow {
        name: "Mg II 2798",
        window: window(2799.9, (2785.0, 2815.0), (2730.0, 2770.0), (2825.0, 2845.0)),
        lines: &["[Mg II] 2795.53A", "[Mg II] 2802.71A"],
        source: "Own choice; Mg I 2853 is outside.",
    },
    NamedLineWindow {
        name: "[O II] 3728",
        window: window(3728.5, (3714.06, 3742.06), (3654.04, 3714.06), (3742.06, 3790.0)),
        lines: &["[S III] 3722", "[O II] 3726", "[O II] 3729"],
        source: "Balogh et al. (1999, ApJ 527, 54); the red continuum ends before H10 3799 instead of at 3802.",
    },
    NamedLineWindow {
        name: "H-delta",
        window: window(4102.9, (4084.65, 4123.41), (4012.0, 4055.0), (4129.66, 4162.17)),
        lines: &["Ba-delta 4101.76A"],
        source: "Worthey & Ottaviani (1997, ApJS 111, 377), H-delta A; the blue continuum is our own, since theirs holds [S II] 4070, 4078.",
    },
    NamedLineWindow {
        name: "H-gamma",
        window: window(4341.7, (4332.47, 4353.47), (4284.71, 4320.96), (4380.0, 4420.99)),
        lines: &["Ba-gamma 4341"],
        source: "Worthey & Ottaviani (1997, ApJS 111, 377), H-gamma F with the red continuum of H-gamma A from 4380 on, clear of [O III] 4363.",
    },
    NamedLineWindow {
        name: "H-beta",
        window: window(4862.7, (4849.23, 4877.99), (4800.0, 4842.0), (4890.0, 4925.0)),
        lines: &["Ba-beta 4861"],
        source: "Lick index (Trager et al. 1998, ApJS 116, 1); the continua are our own, wider ones.",
    },
    NamedLineWindow {
        name: "[O III] 4959",
        window: window(4960.3, (4945.0, 4976.0), (4885.0, 4925.0), (5030.0, 5080.0)),
        lines: &["[O III] 4959"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "[O III] 5007",
        window: window(5008.2, (4993.0, 5023.0), (4885.0, 4925.0), (5030.0, 5080.0)),
        lines: &["[O III] 5007"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "He I 5877",
        window: window(5877.3, (5864.0, 5888.0), (5800.0, 5850.0), (5905.0, 5960.0)),
        lines: &["He I 5875.64A"],
        source: "Own choice; Na I D 5892, 5898 is outside.",
    },
    NamedLineWindow {
        name: "[O I] 6302",
        window: window(6302.1, (6288.0, 6308.0), (6230.0, 6280.0), (6326.0, 6352.0)),
        lines: &["[O I] 6300"],
        source: "Own choice; [S III] 6314 is outside for dispersions below 100 km/s.",
    },
    NamedLineWindow {
        name: "H-alpha + [N II]",
        window: window(6564.7, (6534.0, 6600.0), (6480.0, 6530.0), (6610.0, 6660.0)),
        lines: &["[N II] 6548", "Ba-alpha 6563", "[N II] 6584"],
        source: "Own choice: the whole blend.",
    },
    NamedLineWindow {
        name: "H-alpha",
        window: window(6564.7, (6557.3, 6575.0), (6480.0, 6530.0), (6610.0, 6660.0)),
        lines: &["Ba-alpha 6563"],
        source: "Own choice: without [N II], for dispersions below 100 km/s.",
    },
    NamedLineWindow {
        name: "[N II] 6585",
        window: window(6585.3, (6575.0, 6600.0), (6480.0, 6530.0), (6610.0, 6660.0)),
        lines: &["[N II] 6584"],
        source: "Own choice: without H-alpha, for dispersions below 100 km/s.",
    },
    NamedLineWindow {
        name: "[S II] 6718 + 6732",
        window: window(6725.5, (6705.0, 6747.0), (6610.0, 6660.0), (6760.0, 6810.0)),
        lines: &["[S II] 6716", "[S II] 6731"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "[S III] 9533",
        window: window(9533.3, (9515.0, 9541.0), (9430.0, 9500.0), (9565.0, 9640.0)),
        lines: &["[S III] 9532"],
        source: "Own choice; Pa-epsilon 9549 is outside for dispersions below 100 km/s.",
    },
    NamedLineWindow {
        name: "Pa-beta",
        window: window(12821.6, (12780.0, 12865.0), (12640.0, 12760.0), (12890.0, 13000.0)),
        lines: &["Pa-beta 1.28181um"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "Pa-alpha",
        window: window(18756.2, (18700.0, 18812.0), (18350.0, 18650.0), (18850.0, 19150.0)),
        lines: &["Pa-alpha 1.8751um"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "Br-gamma",
        window: window(21661.2, (21600.0, 21722.0), (21300.0, 21560.0), (21770.0, 22000.0)),
        lines: &["Br-gamma 2.16553um"],
        source: "Own choice.",
    },
    NamedLineWindow {
        name: "DSPS [O III] 5000",
        window: LineWindow::around(5000.0),
        lines: &["[O III] 5007"],
        source: "Test of the kernel in DSPS (Hearin et al. 2023, MNRAS 521, 1741).",
    },
];

impl LineWindow {
    /// The windows of DSPS's test for a line at `centre_aa`: the line within 15 Angstrom, the
    /// continuum from 50 to 100 Angstrom on both sides.
    pub const fn around(centre_aa: f64) -> Self {
        window(
            centre_aa,
            (centre_aa - 15.0, centre_aa + 15.0),
            (centre_aa - 100.0, centre_aa - 50.0),
            (centre_aa + 50.0, centre_aa + 100.0),
        )
    }

    /// The windows of [`LINE_WINDOWS`] with the given name, or those that hold the line of the given
    /// FSPS label and no other; spelling is as free as in [`find_line`].
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::Error::UnknownName), which lists the names.
    pub fn by_name(name: &str) -> Result<Self> {
        let names: Vec<&str> = LINE_WINDOWS.iter().map(|w| w.name).collect();
        let by_line = || {
            LINE_WINDOWS.iter().position(|w| w.lines.len() == 1 && find_line(w.lines, name).is_ok())
        };
        find_line(&names, name)
            .or_else(|unknown| by_line().ok_or(unknown))
            .map(|i| LINE_WINDOWS[i].window)
    }
}

const fn window(
    centre_aa: f64,
    line_aa: (f64, f64),
    blue_aa: (f64, f64),
    red_aa: (f64, f64),
) -> LineWindow {
    LineWindow { centre_aa, line_aa, blue_aa, red_aa }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Place, Precision};
    use crate::sed::{
        EquivalentWidthKernel, LineEquivalentWidth, LineProfiles, composite_spectrum, ssp_weights,
    };
    use crate::ssp::{EmissionLines, SspTensors, embedded};
    use crate::testing::{assert_close, for_each_f64_place, places, values};

    /// The emission lines of FSPS, without luminosities.
    fn fsps_lines() -> EmissionLines {
        let text = include_str!("../../tests/data/lines/fsps_emlines.csv");
        let (wave_aa, names) = text
            .lines()
            .filter_map(|line| line.split_once(','))
            .map(|(wave, name)| (wave.parse::<f64>().unwrap(), name.to_owned()))
            .unzip();
        EmissionLines { names, wave_aa, lgu: None, luminosity_lsun: vec![] }
    }

    fn inside((lo, hi): (f64, f64)) -> Vec<String> {
        let lines = fsps_lines();
        let found = lines.names.iter().zip(&lines.wave_aa).filter(|(_, w)| (lo..=hi).contains(*w));
        found.map(|(name, _)| name.clone()).collect()
    }

    #[test]
    fn windows_hold_the_lines_they_say_and_continua_none() {
        assert_eq!(fsps_lines().names.len(), 166);
        for NamedLineWindow { name, window, lines, .. } in LINE_WINDOWS {
            assert_eq!(inside(window.line_aa), *lines, "{name}");
            let faint: &[&str] = if name.starts_with("DSPS") { &["[O III] 4931"] } else { &[] };
            assert_eq!(inside(window.blue_aa), faint, "{name}");
            assert!(inside(window.red_aa).is_empty(), "{name}");
            let limits = [window.blue_aa, window.line_aa, window.red_aa].map(|(lo, hi)| [lo, hi]);
            assert!(limits.as_flattened().windows(2).all(|w| w[0] <= w[1]), "{name}");
            assert!((window.line_aa.0..window.line_aa.1).contains(&window.centre_aa), "{name}");
        }
    }

    #[test]
    fn every_line_of_fsps_is_found_by_label_and_key() {
        let lines = fsps_lines();
        for (i, name) in lines.names.iter().enumerate() {
            let key = crate::ssp::line_key(name).to_lowercase();
            assert_eq!((lines.index(name).unwrap(), lines.index(&key).unwrap()), (i, i));
        }
    }

    #[test]
    fn names_and_labels_find_windows() {
        for (name, centre) in [
            ("H-alpha", 6564.7),
            ("halpha", 6564.7),
            ("ba_alpha_6563", 6564.7),
            ("[N II] 6584", 6585.3),
            ("o_iii_5007", 5008.2),
            ("DSPS [O III] 5000", 5000.0),
        ] {
            assert_eq!(LineWindow::by_name(name).unwrap().centre_aa, centre, "{name}");
        }
        // Only as a part of blends.
        for name in ["[S II] 6716", "Na D"] {
            let error = LineWindow::by_name(name).unwrap_err().to_string();
            assert!(error.contains("[S II] 6718 + 6732, [S III] 9533"), "{error}");
        }
    }

    /// A composite of all ages and metallicities, and a young and an old one alone, with the lines
    /// of FSPS painted in: widths of 50 and of 5 Angstrom over a bright and a faint continuum. For
    /// each window and spectrum the width, and with it the width without lines.
    fn measured(place: &Place) -> Vec<(f64, f64)> {
        let ssp = SspTensors::new(embedded(), place);
        let mut ages = [[1.0 / 106.0; 106], [0.0; 106], [0.0; 106]];
        (ages[1][40], ages[2][105]) = (1.0, 1.0);
        let ages = place.rows(&[&ages[0], &ages[1], &ages[2]]);
        let weights = ssp_weights(place.rows(&[&[1.0 / 6.0; 6][..]; 3]), ages);
        let continuum = composite_spectrum(&weights, &ssp);
        let lines = fsps_lines();
        let wave = &embedded().wave_aa;
        let profiles = LineProfiles::new(wave, &lines.wave_aa, 60.0, place).unwrap();
        let bare = profiles.continuum(continuum.clone());
        let mut both = Vec::new();
        for NamedLineWindow { window, lines: inside, .. } in LINE_WINDOWS {
            let kernel = EquivalentWidthKernel::new(profiles.wave_aa(), window).unwrap();
            let without = kernel.measure(bare.clone());
            for (galaxy, width) in [(0, 50.0), (1, 5.0), (2, 50.0)] {
                let level = values(without.continuum.clone())[galaxy];
                let mut light = vec![0.0; lines.names.len()];
                for name in *inside {
                    let line = LineEquivalentWidth::new(wave, &lines, name).unwrap();
                    let unit =
                        line.ew_aa(place.row(&vec![1.0; 166]), place.row(&vec![level; wave.len()]));
                    light[lines.index(name).unwrap()] =
                        width / values(unit)[0] / inside.len() as f64;
                }
                let one = continuum.clone().narrow(0, galaxy, 1);
                let spectrum = profiles.spectrum(one, place.row(&light));
                let with = values(kernel.measure(spectrum).ew_aa)[0];
                both.push((with, values(without.ew_aa.clone())[galaxy]));
            }
        }
        both
    }

    #[test]
    fn a_painted_line_adds_its_luminosity_over_the_continuum() {
        let painted = [50.0, 5.0, 50.0];
        for_each_f64_place(|place| {
            for (i, (with, without)) in measured(place).into_iter().enumerate() {
                // What lies beyond a narrow window, and the square of the relative dispersion.
                let name = LINE_WINDOWS[i / 3].name;
                let gained = with - without;
                assert!((gained / painted[i % 3] - 1.0).abs() < 1e-4, "{name}: {gained}");
            }
        });
    }

    #[test]
    fn widths_in_f32_are_those_in_f64() {
        let exact: Vec<f64> =
            measured(&places(Precision::F64)[0]).into_iter().map(|(with, _)| with).collect();
        for single in places(Precision::F32) {
            let got: Vec<f64> = measured(&single).into_iter().map(|(with, _)| with).collect();
            assert_close(&got, &exact, 2e-5, 0.0);
        }
    }
}
