//! Money over time.

use bastide_units::{Duration, Money, MoneyRate};

/// Share of a sum that must be paid each year to pay it off over its lifetime, with interest: the capital recovery
/// factor `r / (1 - (1 + r)^-n)` (Short, Packey and Holt 1995, NREL/TP-462-5173, section 3), `1 / n` without interest [1/y].
#[must_use]
pub fn capital_recovery_factor(discount_rate: f64, lifetime: Duration) -> f64 {
    let years = lifetime.as_y();
    // expm1 and ln1p keep tiny interest rates exact.
    if discount_rate == 0.0 { 1.0 / years } else { discount_rate / -(-years * discount_rate.ln_1p()).exp_m1() }
}

/// Yearly payment for a sum over its lifetime.
#[must_use]
pub fn annuity(overnight_cost: Money, discount_rate: f64, lifetime: Duration) -> MoneyRate {
    MoneyRate::from_eur_per_y(overnight_cost.as_eur() * capital_recovery_factor(discount_rate, lifetime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_annuity() {
        // 5 % over 20 years: 0.05 / (1 - 1.05^-20) = 0.0802426.
        assert!((capital_recovery_factor(0.05, Duration::from_y(20.0)) - 0.080_242_6).abs() < 1e-7);
        assert!((annuity(Money::from_meur(1.0), 0.05, Duration::from_y(20.0)).as_eur_per_y() - 80_242.59).abs() < 0.01);
    }

    #[test]
    fn without_interest_it_is_a_plain_share() {
        assert_eq!(capital_recovery_factor(0.0, Duration::from_y(4.0)), 0.25);
        assert!((capital_recovery_factor(1e-12, Duration::from_y(4.0)) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn payments_discounted_are_the_sum() {
        let (rate, factor) = (0.07, capital_recovery_factor(0.07, Duration::from_y(15.0)));
        let present: f64 = (1..=15).map(|year| factor / (1.0_f64 + rate).powi(year)).sum();
        assert!((present - 1.0).abs() < 1e-12);
    }
}
