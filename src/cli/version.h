/* version: the one number of a release; meson.build's `version` says the same (test_11_cli.py compares them). */
#pragma once

#define SCULLER_VERSION "0.1.0"
