/* label: what turned out to be true, from a file, of any size, to the predictions it is about. */
#include "cli/commands.h"
#include "cli/feed.h"

/* Truth comes for decisions all over a month, so each label changes a page of its own: the more go together, the fewer
 * pages are written. */
enum { ROWS_MAX = 50000 };

static const struct feed_column columns[] = {
    {"function", "function", JSON_CELL_TEXT},
    {"prediction_id", "prediction_id", JSON_CELL_TEXT},
    {"identifier", "prediction_id", JSON_CELL_TEXT}, /* NannyML */
    {"id", "prediction_id", JSON_CELL_TEXT},
    {"request_id", "request_id", JSON_CELL_TEXT},
    {"position", "position", JSON_CELL_NUMBER},
    {"items", "items", JSON_CELL_ANY},
    {"label", "label", JSON_CELL_NUMBER},
    {"y_true", "label", JSON_CELL_NUMBER},
    {"truth", "label", JSON_CELL_NUMBER},
    {"time", "time", JSON_CELL_NUMBER},
    {"timestamp", "time", JSON_CELL_NUMBER},
    {"source", "source", JSON_CELL_TEXT},
    {"note", "note", JSON_CELL_TEXT},
    {0},
};

static const char *const figures[] = {"matched", "labelled", "corrected", "unchanged",
                                      "older",   "orphans",  "refused",   NULL};

static const struct feed_kind kind = {
    .command = "label",
    .path = "/v1/labels",
    .columns = columns,
    .figures = figures,
    .rows_max = ROWS_MAX,
    .wants_key = true,
};

static int label_run(const struct arguments *arguments)
{
    return feed_run(arguments, &kind);
}

const struct command label_command = {
    .name = "label",
    .summary = "Say what turned out to be true: labels from a CSV file",
    .usage = "FILE [options]",
    .text = "  sculler label truth.csv --function budget_expense_matcher\n"
            "  sculler label truth.csv -f budget_expense_matcher --items budget_id,itemization_id --map correct=label\n"
            "  psql -c \"COPY (...) TO STDOUT WITH CSV HEADER\" | sculler label - -f NAME\n\n"
            "Columns: function, label (or y_true, truth: 1, 0, a number between, null to take one back), time (or "
            "timestamp: when\n"
            "it became known), source, note; and what says which prediction: prediction_id (or identifier, id), "
            "request_id with\n"
            "position, or the items. Or lines of JSON, as POST /v1/labels takes them. FILE - is standard input.\n"
            "A label whose prediction is not there yet waits for it (orphans). Sent again, it changes nothing.\n"
            "Exit status 1: some rows were refused.\n",
    .options = feed_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = label_run,
};
