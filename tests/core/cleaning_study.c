// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * How much does cleaning write? Runs the driver's map, victim choice, pacing and
 * packing of survivors over synthetic deaths (cleaning_sim.h), prints Markdown
 * tables, and draws curves.
 *
 *	cleaning_study [-o DIRECTORY] [uniform|skewed|grouped]...
 *
 * With -o it writes DIRECTORY/cleaning-DEATHS.svg. Seeded: the figures repeat.
 */
#include "cleaning_sim.h"

static const char * const names[SIM_NR_DEATHS] = { "uniform", "skewed", "grouped" };
static const char * const titles[SIM_NR_DEATHS] = {
	"Uniform: any page dies next",
	"90/10: nine of ten deaths are among a tenth of the pages",
	"Grouped: processes exit; one write in ten is a single page stored anew",
};

static const u32 fills[] = { 70, 80, 85, 90, 95 };
static const u8 orders[] = { 2, 3, 4, 6, 8 };

#define NR_FILLS ((u32)(sizeof(fills) / sizeof(fills[0])))
#define NR_ORDERS ((u32)(sizeof(orders) / sizeof(orders[0])))

static const struct sim_policy policies[] = {
	{ "greedy, survivors among new pages", ZPACK_PICK_GREEDY, false, true },
	{ "greedy", ZPACK_PICK_GREEDY, true, true },
	{ "cost-benefit, survivors among new pages", ZPACK_PICK_COST_BENEFIT, false, true },
	{ "cost-benefit", ZPACK_PICK_COST_BENEFIT, true, true },
	{ "greedy below half live, else cost-benefit", ZPACK_PICK_MIXED, true, true },
	{ "the driver's", ZPACK_PICK_WEIGHTED, true, true },
	{ "the driver's, blocks of any process", ZPACK_PICK_WEIGHTED, true, false },
};

#define DRIVERS 5
#define NR_POLICIES ((u32)(sizeof(policies) / sizeof(policies[0])))

static struct sim_result measure(enum sim_deaths deaths, u32 policy, u32 fill, u8 order,
				 u32 low_permille)
{
	struct sim_setup setup = {
		.deaths = deaths, .policy = policies[policy], .fill_percent = fill,
		.order = order, .order_after = order, .warm_up = 4, .turns = 2, .seed = 1,
		.limits = { .reserve_blocks = 2, .low_permille = low_permille,
			    .high_permille = low_permille + low_permille / 2 },
	};

	/* At least 256 blocks. */
	setup.segments = order <= 4 ? 32 : order == 6 ? 64 : 128;
	return sim_run(&setup);
}

/* ---- curves ---- */

#define WIDTH 640
#define HEIGHT 400
#define LEFT 50
#define RIGHT 120
#define TOP 40
#define BOTTOM 50

static const char * const colours[NR_FILLS] = { "#4575b4", "#1a9850", "#d9a000", "#f46d43",
						"#a50026" };

static double curve_x(u32 i)
{
	return LEFT + (double)(WIDTH - LEFT - RIGHT) * i / (NR_ORDERS - 1);
}

static double curve_y(double value, double top)
{
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - 1) / (top - 1);
}

static void draw(const char *directory, enum sim_deaths deaths,
		 struct sim_result results[NR_FILLS][NR_ORDERS])
{
	double top = 1.5, value;
	char path[512];
	FILE *file;
	u32 f, o;

	snprintf(path, sizeof(path), "%s/cleaning-%s.svg", directory, names[deaths]);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	for (f = 0; f < NR_FILLS; f++)
		for (o = 0; o < NR_ORDERS; o++)
			while (results[f][o].amplification > top)
				top += 0.5;
	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n", WIDTH, HEIGHT);
	fprintf(file, "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", WIDTH, HEIGHT);
	fprintf(file, "<text x=\"%d\" y=\"20\" font-size=\"14\">%s</text>\n", LEFT, titles[deaths]);
	for (value = 1; value <= top; value += top > 6 ? 1 : 0.5) {
		fprintf(file, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", LEFT,
			curve_y(value, top), WIDTH - RIGHT, LEFT - 6, curve_y(value, top) + 4,
			value);
	}
	for (o = 0; o < NR_ORDERS; o++)
		fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u KiB</text>\n",
			curve_x(o), HEIGHT - BOTTOM + 18, 4u << orders[o]);
	fprintf(file, "<text x=\"%d\" y=\"%d\">block size</text>\n"
		"<text x=\"%d\" y=\"%d\">write amplification</text>\n", (WIDTH - RIGHT) / 2,
		HEIGHT - 10, LEFT, TOP - 6);
	for (f = 0; f < NR_FILLS; f++) {
		fprintf(file, "<path fill=\"none\" stroke-width=\"2\" stroke=\"%s\" d=\"",
			colours[f]);
		for (o = 0; o < NR_ORDERS; o++)
			fprintf(file, "%c%.1f %.1f", o ? 'L' : 'M', curve_x(o),
				curve_y(results[f][o].amplification, top));
		fprintf(file, "\"/>\n<rect x=\"%d\" y=\"%u\" width=\"16\" height=\"4\" fill=\"%s\"/>"
			"<text x=\"%d\" y=\"%u\">%u %% full</text>\n", WIDTH - RIGHT + 16,
			TOP + 20 * (NR_FILLS - f), colours[f], WIDTH - RIGHT + 38,
			TOP + 6 + 20 * (NR_FILLS - f), fills[f]);
	}
	fprintf(file, "</svg>\n");
	fclose(file);
}

/* ---- tables ---- */

static void print_header(const char *first)
{
	u32 f;

	printf("\n| %s |", first);
	for (f = 0; f < NR_FILLS; f++)
		printf(" %u %% |", fills[f]);
	printf("\n|---|");
	for (f = 0; f < NR_FILLS; f++)
		printf("---:|");
	printf("\n");
}

static void study(enum sim_deaths deaths, const char *directory)
{
	static struct sim_result results[NR_FILLS][NR_ORDERS];
	u32 f, o, p;

	printf("\n## %s\n", titles[deaths]);
	print_header("write amplification");
	for (o = 0; o < NR_ORDERS; o++) {
		printf("| %u KiB |", 4u << orders[o]);
		for (f = 0; f < NR_FILLS; f++) {
			results[f][o] = measure(deaths, DRIVERS, fills[f], orders[o], 5);
			printf(" %.2f |", results[f][o].amplification);
			fflush(stdout);
		}
		printf("\n");
	}
	print_header("at 64 KiB");
	printf("| live, with their waste |");
	for (f = 0; f < NR_FILLS; f++)
		printf(" %.1f %% |", results[f][2].used_percent);
	printf("\n| live bytes |");
	for (f = 0; f < NR_FILLS; f++)
		printf(" %.1f %% |", results[f][2].live_percent);
	printf("\n| live of a victim |");
	for (f = 0; f < NR_FILLS; f++)
		printf(" %.1f %% |", 100 * results[f][2].victim_live);
	printf("\n| fill of blocks written |");
	for (f = 0; f < NR_FILLS; f++)
		printf(" %.1f %% |", results[f][2].fill_percent);
	printf("\n| refused |");
	for (f = 0; f < NR_FILLS; f++)
		printf(" %.2f %% |", 100.0 * results[f][2].refused / results[f][2].objects);
	printf("\n");

	print_header("policy, at 64 KiB");
	for (p = 0; p < NR_POLICIES; p++) {
		if (deaths != SIM_GROUPED && !policies[p].groups)
			continue;
		printf("| %s |", policies[p].name);
		for (f = 0; f < NR_FILLS; f++) {
			/* Survivors among new pages can't be held back: no cap to keep. */
			if (fills[f] > 90 && !policies[p].apart)
				printf(" |");
			else
				printf(" %.2f |", (p == DRIVERS ? results[f][2] :
						   measure(deaths, p, fills[f], 4, 5)).amplification);
			fflush(stdout);
		}
		printf("\n");
	}

	print_header("kept free, at 64 KiB");
	for (p = 5; p <= 40; p *= 2) {
		printf("| %.1f %% |", p / 10.0);
		for (f = 0; f < NR_FILLS; f++) {
			printf(" %.2f |", (p == 5 ? results[f][2] :
					   measure(deaths, DRIVERS, fills[f], 4, p)).amplification);
			fflush(stdout);
		}
		printf("\n");
	}
	if (directory)
		draw(directory, deaths, results);
}

int main(int argc, char **argv)
{
	const char *directory = NULL;
	bool some = false;
	int i;
	u32 d;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-o") && i + 1 < argc) {
			directory = argv[++i];
			continue;
		}
		for (d = 0; d < SIM_NR_DEATHS; d++)
			if (!strcmp(argv[i], names[d])) {
				study(d, directory);
				some = true;
			}
	}
	for (d = 0; !some && d < SIM_NR_DEATHS; d++)
		study(d, directory);
	return 0;
}
