/*
 * toml++ used header-only and without exceptions: nothing is thrown through C, and nothing but libstdc++ is linked.
 * The tree is walked once and written as JSON text.
 */
#include <cmath>
#include <sstream>
#include <string>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

extern "C" {
#include "base/buf.h"
#include "base/err.h"
#include "codec/json_write.h"
}
#include "codec/toml.h"

static str str_of_view(std::string_view view)
{
    return str{view.data(), view.size()};
}

template <typename Value> static str text_of(const Value &value, std::string &keep)
{
    std::ostringstream out;

    out << value;
    keep = out.str();
    return str_of_view(keep);
}

static bool fail_at(const toml::source_region &where, std::string_view what, struct err *err)
{
    return err_set(err, ERR_INVALID, "line %u, column %u: %.*s", where.begin.line, where.begin.column,
                   static_cast<int>(what.size()), what.data());
}

static bool write_value(struct jw *w, const toml::node &node, struct err *err);

static bool write_table(struct jw *w, const toml::table &table, struct err *err)
{
    jw_object(w);
    for (const auto &[key, node] : table) {
        jw_key(w, str_of_view(key.str()));
        if (!write_value(w, node, err))
            return false;
    }
    jw_object_end(w);
    return true;
}

static bool write_array(struct jw *w, const toml::array &array, struct err *err)
{
    jw_array(w);
    for (const auto &node : array)
        if (!write_value(w, node, err))
            return false;
    jw_array_end(w);
    return true;
}

static bool write_value(struct jw *w, const toml::node &node, struct err *err)
{
    std::string keep;

    if (w->depth >= JW_DEPTH_MAX)
        return fail_at(node.source(), "nested too deeply", err);
    if (const auto *table = node.as_table())
        return write_table(w, *table, err);
    if (const auto *array = node.as_array())
        return write_array(w, *array, err);
    if (const auto *real = node.as_floating_point()) {
        if (!std::isfinite(real->get()))
            return fail_at(node.source(), "infinity and nan have no place in settings", err);
        jw_real_value(w, real->get());
    } else if (const auto *text = node.as_string())
        jw_str_value(w, str_of_view(text->get()));
    else if (const auto *integer = node.as_integer())
        jw_int_value(w, integer->get());
    else if (const auto *boolean = node.as_boolean())
        jw_bool_value(w, boolean->get());
    else if (const auto *date = node.as_date())
        jw_str_value(w, text_of(date->get(), keep));
    else if (const auto *time = node.as_time())
        jw_str_value(w, text_of(time->get(), keep));
    else if (const auto *moment = node.as_date_time())
        jw_str_value(w, text_of(moment->get(), keep));
    return true;
}

bool toml_to_json(str text, struct buf *ret_json, struct err *err)
{
    const std::string_view view(text.at ? text.at : "", text.len);
    struct jw w;

    if (view.find('\0') != view.npos) /* toml++ 3.3 asserts that it meets none */
        return err_set(err, ERR_INVALID, "NUL at byte %zu", view.find('\0'));
    const toml::parse_result result = toml::parse(view);
    if (!result)
        return fail_at(result.error().source(), result.error().description(), err);
    jw_init(&w, ret_json);
    if (!write_table(&w, result.table(), err))
        return false;
    return buf_ok(ret_json) || err_set(err, ERR_LIMIT, "the settings file is too large");
}
