//! The triweight kernel next to the Gaussian it stands for.

use std::f64::consts::PI;

use super::setup::Setup;
use crate::Result;
use crate::device::to_host;
use crate::numerics::triweight::{triweight_cdf, triweight_pdf};
use crate::plot::{Axis, Corner, Figure, Panel, Series, Style};

/// Density and cumulative of both at each `z`.
struct Data {
    z: Vec<f64>,
    triweight: [Vec<f64>; 2],
    gaussian: [Vec<f64>; 2],
}

fn data(setup: &Setup) -> Result<Data> {
    let z: Vec<f64> = (-160..=160).map(|i| f64::from(i) / 40.0).collect();
    let place = setup.place();
    let x = place.vector(&z);
    let constant = |value| place.vector(&vec![value; z.len()]);
    let density = to_host(triweight_pdf(x.clone(), constant(0.0), constant(1.0)))?;
    let cumulative = to_host(triweight_cdf(x))?;
    let gaussian = [gaussian, gaussian_cumulative].map(|of| z.iter().map(|z| of(*z)).collect());
    Ok(Data { z, triweight: [density, cumulative], gaussian })
}

fn gaussian(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The series of Marsaglia (2004, J. Stat. Softw. 11, 4), good for the few `z` of a figure.
fn gaussian_cumulative(z: f64) -> f64 {
    let (mut term, mut sum, mut n) = (z, z, 1.0);
    while term.abs() > 1e-18 * sum.abs() {
        n += 2.0;
        term *= z * z / n;
        sum += term;
    }
    0.5 + sum * gaussian(z)
}

pub(super) fn figure(setup: &Setup) -> Result<Figure> {
    let data = data(setup)?;
    let z = data.z.as_slice();
    let axis = || Axis::linear("z = (x − μ) / σ").range(-4.0, 4.0);
    let (mut curves, mut differences) = (Vec::new(), Vec::new());
    for (k, (title, label)) in
        [("Density", "σ P(x)"), ("Cumulative", "P(< x)")].into_iter().enumerate()
    {
        let (triweight, gaussian) = (&data.triweight[k], &data.gaussian[k]);
        let panel = Panel::new(axis(), Axis::linear(label))
            .title(title)
            .with(Series::new("triweight", z, triweight.as_slice()))
            .with(Series::new("Gaussian", z, gaussian.as_slice()).style(Style::Dashed));
        curves.push(panel.legend(Corner::TopLeft));
        let difference: Vec<f64> = triweight.iter().zip(gaussian).map(|(t, g)| t - g).collect();
        let panel = Panel::new(axis(), Axis::linear("Triweight − Gaussian"));
        differences.push(panel.with(Series::new("", z, difference)));
    }
    curves.append(&mut differences);
    let figure = Figure::new(curves, 2);
    Ok(figure.note("both with mean μ and standard deviation σ; the triweight ends at z = ±3"))
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::quick;
    use super::*;
    use crate::testing::assert_close;

    #[test]
    fn the_gaussian_is_the_gaussian() {
        let want = [0.5, 0.841344746068543, 0.99865010196837, 3.16712418331199e-5];
        assert_close(&[0.0, 1.0, 3.0, -4.0].map(gaussian_cumulative), &want, 0.0, 1e-14);
    }

    #[test]
    fn the_triweight_is_close_to_it() {
        let data = data(&quick()).unwrap();
        for (k, most) in [(0, 0.04), (1, 0.02)] {
            for (i, z) in data.z.iter().enumerate() {
                let difference = data.triweight[k][i] - data.gaussian[k][i];
                assert!(difference.abs() < most, "{k} {z}: {difference}");
            }
        }
        let step = data.z[1] - data.z[0];
        let variance: f64 =
            data.z.iter().zip(&data.triweight[0]).map(|(z, p)| z * z * p * step).sum();
        assert_close(&[variance], &[1.0], 1e-5, 0.0);
    }
}
