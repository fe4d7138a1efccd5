/*
 * payload: errors in the words of Lambda's platform.  ExitError and Timedout name their type first, as AWS does.
 */
#include "runtime/runtime_private.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static struct run_result function_error(str payload, const char *type)
{
    return (struct run_result){.outcome = RUN_FUNCTION_ERROR, .payload = payload, .error_type = type};
}

/* Go's names, which AWS's supervisor prints. */
static const char *signal_words(int number)
{
    switch (number) {
    case SIGSEGV:
        return "segmentation fault";
    case SIGABRT:
        return "aborted";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "floating point exception";
    case SIGILL:
        return "illegal instruction";
    case SIGTERM:
        return "terminated";
    case SIGINT:
        return "interrupt";
    default:
        return "killed";
    }
}

struct run_result payload_exit(struct run *run, int status)
{
    str why = STR("Runtime exited without providing a reason");

    if (WIFSIGNALED(status))
        why = arena_printf(run->arena, "Runtime exited with error: signal: %s", signal_words(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        why = arena_printf(run->arena, "Runtime exited with error: exit status %d", WEXITSTATUS(status));
    return function_error(arena_printf(run->arena,
                                       "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: " STR_FMT
                                       " Error: " STR_FMT "\"}",
                                       STR_ARG(run->request_id), STR_ARG(why)),
                          "Runtime.ExitError");
}

/* As Lambda tells it: the payload says "killed", the log says why (AWS: "Troubleshoot invocation issues"). */
struct run_result payload_out_of_memory(struct run *run)
{
    struct run_result result = payload_exit(run, SIGKILL);

    result.error_type = "Runtime.OutOfMemory";
    run->memory_peak_kb = (uint32_t)run->what->memory_mb * 1024;
    return result;
}

struct run_result payload_timeout(struct run *run, int timeout_ms)
{
    return function_error(arena_printf(run->arena,
                                       "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: " STR_FMT
                                       " Error: Task timed out after %d.%02d seconds\"}",
                                       STR_ARG(run->request_id), timeout_ms / 1000, timeout_ms % 1000 / 10),
                          "Sandbox.Timedout");
}

struct run_result payload_too_large(void)
{
    return function_error(STR("{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size "
                              "(6291556 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}"),
                          "Function.ResponseSizeTooLarge");
}

/* The text comes from the keeper or the kernel: a quote in it must not break the JSON. */
struct run_result payload_refused(struct run *run, const char *why)
{
    char *text = arena_new(run->arena, char, strlen(why) + 1);
    struct run_result result;

    for (size_t i = 0; why[i]; i++)
        text[i] = why[i] == '"' || why[i] == '\\' ? '\'' : (unsigned char)why[i] < 0x20 ? ' ' : why[i];
    result =
        function_error(arena_printf(run->arena,
                                    "{\"errorType\":\"Runtime.SandboxError\",\"errorMessage\":\"RequestId: " STR_FMT
                                    " Error: The function cannot be run here: %s\"}",
                                    STR_ARG(run->request_id), text),
                       "Runtime.SandboxError");
    result.outcome = RUN_REFUSED;
    return result;
}
