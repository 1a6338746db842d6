# SPDX-License-Identifier: Apache-2.0
# Install and export, so that find_package(ingrad) gives ingrad::kernels ... ingrad::ingrad.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(ingrad_all INTERFACE)
add_library(ingrad::ingrad ALIAS ingrad_all)
set_target_properties(ingrad_all PROPERTIES EXPORT_NAME ingrad)
get_property(libraries GLOBAL PROPERTY INGRAD_LIBRARIES)
target_link_libraries(ingrad_all INTERFACE ${libraries})

install(TARGETS ${libraries} ingrad_all EXPORT ingradTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder kernels engine models datasets attribution)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION include/ingrad
          FILES_MATCHING PATTERN "*.h" PATTERN "*-inl.h" EXCLUDE)
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ingrad/ DESTINATION include/ingrad)
install(EXPORT ingradTargets NAMESPACE ingrad:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ingrad)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ingradConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/ingradConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ingrad)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ingradConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ingradConfig.cmake ${PROJECT_BINARY_DIR}/ingradConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ingrad)
