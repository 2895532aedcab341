//! Constants of nature and of astronomy, in SI units unless their names say otherwise.

/// Speed of light \[m/s\].
pub const C_M_S: f64 = 299_792_458.0;

/// Speed of light \[Angstrom/s\].
pub const C_AA_S: f64 = 1e10 * C_M_S;

/// Speed of light \[km/s\].
pub const C_KM_S: f64 = C_M_S / 1e3;

/// Planck constant \[J s\].
pub const PLANCK_J_S: f64 = 6.626_070_15e-34;

/// Boltzmann constant \[J/K\].
pub const BOLTZMANN_J_K: f64 = 1.380_649e-23;

/// Luminosity of the Sun \[W\], that of the International Astronomical Union (2015, resolution B3).
pub const LSUN_W: f64 = 3.828e26;

/// log10 of the luminosity of the Sun \[erg/s\].
pub const LG_LSUN_ERG_S: f64 = 33.582_971_929_104_81;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_in_several_units_agree() {
        assert_eq!((C_AA_S, C_KM_S), (2.997_924_58e18, 299_792.458));
        assert!((LG_LSUN_ERG_S - (LSUN_W * 1e7).log10()).abs() < 1e-13);
    }
}
