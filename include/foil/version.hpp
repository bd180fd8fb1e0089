// SPDX-License-Identifier: MIT
/// \file
/// The version of foil. The build reads it from here: this is the only place where it is written down.
#pragma once

#define FOIL_VERSION_MAJOR 0
#define FOIL_VERSION_MINOR 1
#define FOIL_VERSION_PATCH 0
