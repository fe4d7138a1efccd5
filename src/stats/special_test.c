#include "stats/special.h"

#include "stats/near.h"

#include "../../test/stats/fixtures.h"
#include "base/test.h"

#include <string.h>

static double of_normal_cdf(double a, double b, double c)
{
    (void)b, (void)c;
    return stats_normal_cdf(a);
}

static double of_normal_quantile(double a, double b, double c)
{
    (void)b, (void)c;
    return stats_normal_quantile(a);
}

static double of_gamma_p(double a, double b, double c)
{
    (void)c;
    return stats_gamma_p(a, b);
}

static double of_gamma_q(double a, double b, double c)
{
    (void)c;
    return stats_gamma_q(a, b);
}

static double of_chi_square_sf(double a, double b, double c)
{
    (void)c;
    return stats_chi_square_sf(a, b);
}

static double of_chi_square_quantile(double a, double b, double c)
{
    (void)c;
    return stats_chi_square_quantile(a, b);
}

static double of_kolmogorov_sf(double a, double b, double c)
{
    (void)b, (void)c;
    return stats_kolmogorov_sf(a);
}

static const struct {
    const char *name;
    double (*function)(double, double, double);
} functions[] = {
    {"normal_cdf", of_normal_cdf},
    {"normal_quantile", of_normal_quantile},
    {"beta_cdf", stats_beta_cdf},
    {"beta_quantile", stats_beta_quantile},
    {"gamma_p", of_gamma_p},
    {"gamma_q", of_gamma_q},
    {"chi_square_sf", of_chi_square_sf},
    {"chi_square_quantile", of_chi_square_quantile},
    {"binomial_cdf", stats_binomial_cdf},
    {"binomial_sf", stats_binomial_sf},
    {"kolmogorov_sf", of_kolmogorov_sf},
};

static void agrees_with_scipy(void)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        int wrong = 0, seen = 0;

        for (size_t j = 0; j < sizeof special_rows / sizeof *special_rows; j++) {
            double a = special_rows[j].a, b = special_rows[j].b, c = special_rows[j].c;

            if (strcmp(special_rows[j].name, functions[i].name) != 0)
                continue;
            seen++;
            if (!near(functions[i].function(a, b, c), special_rows[j].value, 1e-10)) {
                printf("# %s(%.17g, %.17g, %.17g)\n", functions[i].name, a, b, c);
                wrong++;
            }
        }
        ok(seen > 5 && wrong == 0);
    }
}

static void keeps_the_digits_of_tails(void)
{
    ok(near(stats_normal_cdf(-37) / 5.725571222524576e-300, 1, 1e-12));
    ok(near(stats_chi_square_sf(500, 9) / 5.7494139030446954e-102, 1, 1e-11));
    ok(near(stats_beta_cdf(1e-10, 2, 7) / (28e-20), 1, 1e-8)); /* C(8, 2) x^2, to the first order */
}

static void a_quantile_undoes_its_distribution(void)
{
    static const double shapes[] = {0.05, 0.5, 3, 80, 12000.5, 3e6};
    static const double shares[] = {1e-8, 0.005, 0.31, 0.5, 0.9, 1 - 1e-6};
    int wrong = 0;

    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            for (int k = 0; k < 6; k++) {
                double x = stats_beta_quantile(shares[j], shapes[i], shapes[k]);

                if (x < 1 - 1e-6) /* past that 1 - x has too few digits left to tell */
                    wrong += !near(stats_beta_cdf(x, shapes[i], shapes[k]), shares[j], 1e-9);
            }
            wrong += i > 0 && !near(stats_chi_square_sf(stats_chi_square_quantile(shares[j], shapes[i]), shapes[i]),
                                    1 - shares[j], 1e-10);
        }
    ok(wrong == 0);
}

static void nonsense_is_undefined(void)
{
    ok(isnan(stats_normal_quantile(1.1)) && isnan(stats_normal_quantile((double)NAN)));
    ok(isnan(stats_beta_cdf(0.5, 0, 1)) && isnan(stats_beta_quantile(-1, 1, 1)));
    ok(isnan(stats_gamma_p(-1, 1)) && isnan(stats_chi_square_quantile(0.5, 0)) && isnan(stats_binomial_cdf(1, 2, 3)));
    ok(isinf(stats_normal_quantile(1)) && stats_beta_cdf(-1, 2, 2) == 0 && stats_beta_cdf(2, 2, 2) == 1);
}

TEST_MAIN(agrees_with_scipy, keeps_the_digits_of_tails, a_quantile_undoes_its_distribution, nonsense_is_undefined)
