/* import: predictions that were made elsewhere or before, from a file, of any size. */
#include "cli/commands.h"
#include "cli/feed.h"

enum { ROWS_MAX = 10000 };

static const struct feed_column columns[] = {
    {"function", "function", JSON_CELL_TEXT},
    {"version", "version", JSON_CELL_TEXT},
    {"alias", "alias", JSON_CELL_TEXT},
    {"prediction_id", "prediction_id", JSON_CELL_TEXT},
    {"identifier", "prediction_id", JSON_CELL_TEXT}, /* NannyML, as timestamp, y_pred_proba, y_true and y_pred */
    {"id", "prediction_id", JSON_CELL_TEXT},
    {"request_id", "request_id", JSON_CELL_TEXT},
    {"position", "position", JSON_CELL_NUMBER},
    {"time", "time", JSON_CELL_NUMBER},
    {"timestamp", "time", JSON_CELL_NUMBER},
    {"score", "score", JSON_CELL_NUMBER},
    {"y_pred_proba", "score", JSON_CELL_NUMBER},
    {"y_pred", NULL, JSON_CELL_TEXT},
    {"threshold", "threshold", JSON_CELL_NUMBER},
    {"items", "items", JSON_CELL_ANY},
    {"segment", "segment", JSON_CELL_TEXT},
    {"amount", "amount", JSON_CELL_NUMBER},
    {"features", "features", JSON_CELL_ANY},
    {"label", "label", JSON_CELL_NUMBER},
    {"y_true", "label", JSON_CELL_NUMBER},
    {"truth", "label", JSON_CELL_NUMBER},
    {"label_time", "label_time", JSON_CELL_NUMBER},
    {"source", "source", JSON_CELL_TEXT},
    {"note", "note", JSON_CELL_TEXT},
    {0},
};

static const char *const figures[] = {"accepted", "duplicates", "undecided", "refused", NULL};

static const struct feed_kind kind = {
    .command = "import",
    .path = "/v1/predictions",
    .columns = columns,
    .figures = figures,
    .source = "history",
    .rows_max = ROWS_MAX,
    .names_rows = true,
};

static int import_run(const struct arguments *arguments)
{
    return feed_run(arguments, &kind);
}

const struct command import_command = {
    .name = "import",
    .summary = "Take predictions over that were made before, from a CSV file",
    .usage = "FILE [options]",
    .text =
        "  sculler import predictions.csv --function budget_expense_matcher\n"
        "  sculler import scores.csv -f NAME --items budget_id,item_id --map kind=segment --features \"*\"\n\n"
        "Columns: function, version, alias, time (or timestamp), score (or y_pred_proba), threshold, prediction_id (or "
        "identifier,\n"
        "id), request_id, position, segment, amount, label (or y_true, truth), label_time, items and features (JSON).\n"
        "Or lines of JSON, as POST /v1/predictions takes them. FILE - is standard input.\n"
        "A row without prediction_id gets one made of its line and content, so that none counts twice when it is sent "
        "again.\n"
        "Exit status 1: some rows were refused.\n",
    .options = feed_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = import_run,
};
