//! Names of emission lines as FSPS writes them, for tables that spell them differently.

use crate::ssp::find_line;

/// The line that the brightness of all others is measured by.
pub(super) const H_BETA: &str = "Ba-beta 4861";

/// The lines that reach 1 % of H-beta in the models of Byler et al. (2017), by wavelength.
#[rustfmt::skip]
const LABELS: [&str; 108] = [
    "Ly-8 923", "Ly-7 926", "Ly-6 930", "Ly-5 937", "Ly-delta 949.749A", "Ly-gamma 972",
    "Ly-beta 1025", "Ly-alpha 1215", "He II 1640", "[O III] 1661", "[O III] 1666", "[Al III] 1855",
    "[Al III] 1863", "[C III] 1907", "[C III] 1910", "[N II] 2141", "[O III] 2321", "[C II] 2324",
    "[C II] 2325", "[C II] 2327", "[C II] 2328", "[O II] 2471", "[Al II] 2660", "[Al II] 2670",
    "[Mg II] 2795.53A", "[Mg II] 2802.71A", "[S III] 3722", "[O II] 3726", "[O II] 3729",
    "Ba-8 3798", "Ba-7 3835", "[Ne III] 3869", "He I 3888.63A", "Ba-6 3889", "[Ne III] 3968",
    "Ba-5 3970", "[S II] 4070", "[S II] 4078", "Ba-delta 4101.76A", "Ba-gamma 4341", "[O III] 4363",
    "He I 4471.49A", "Ba-beta 4861", "[O III] 4959", "[O III] 5007", "[N I] 5200", "[N II] 5755",
    "He I 5875.64A", "[O I] 6300", "[S III] 6312", "[O I] 6363", "[N II] 6548", "Ba-alpha 6563",
    "[N II] 6584", "He I 6678.15A", "[S II] 6716", "[S II] 6731", "He I 7065.22A", "[Ar III] 7135",
    "[O II] 7323", "[O II] 7332", "[Ar III] 7751", "[Cl II] 8579", "Pa-7 9015", "[S III] 9069",
    "Pa-6 9229", "[S III] 9532", "Pa-5 9546", "[C I] 9850", "Pa-delta 1.00494um", "[S II] 1.0324um",
    "He I 1.08303um", "Pa-gamma 1.09381um", "Fe II 1.25668um", "Pa-beta 1.28181um",
    "Br-6 1.73621um", "Br-5 1.81741um", "Pa-alpha 1.8751um", "Br-delta 1.94456um",
    "Br-gamma 2.16553um", "Br-beta 2.62515um", "Pf-gamma 3.73953um", "Br-alpha 4.05116um",
    "Pf-beta 4.65250um", "Ar II 6.98337um", "Pf-alpha 7.45781um", "Hu-beta 7.50043um",
    "Ar III 8.98898um", "[S IV] 10.5076um", "Hu-alpha 12.3685um", "Ne II 12.8101um",
    "Cl II 14.3639um", "Ne III 15.5509um", "S III 18.7078um", "Ar III 21.8300um", "P II 32.8620um",
    "S III 33.4704um", "Si II 34.8046um", "Ne III 36.0036um", "O III 51.8004um", "N III 57.3238um",
    "P II 60.6263um", "O I 63.1679um", "O III 88.3323um", "N II 121.767um", "O I 145.495um",
    "C II 157.636um", "N II 205.244um",
];

/// The label of the line that a table calls `name`, else that name.
pub(super) fn label(name: &str) -> &str {
    find_line(&LABELS, name).map_or(name, |i| LABELS[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_distinct_and_found_by_the_names_of_tables() {
        for (i, name) in LABELS.iter().enumerate() {
            // A name that fits two labels would be an error.
            assert_eq!(find_line(&LABELS, &name.to_uppercase()).unwrap(), i);
        }
        for (name, want) in [
            ("O_III_5007", "[O III] 5007"),
            ("Ba_alpha_6563", "Ba-alpha 6563"),
            ("He_I_5875p64A", "He I 5875.64A"),
            ("O_III_9999", "O_III_9999"),
        ] {
            assert_eq!(label(name), want);
        }
    }
}
