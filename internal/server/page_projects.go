package server

import (
	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/id"
)

func (s *Server) projectsPage(c echo.Context) error {
	return s.view(c, "projects", "Projects", nil)
}

// addProject makes a project with a test platform in it, as an empty one is of no use.
func (s *Server) addProject(c echo.Context) error {
	ctx, who := c.Request().Context(), developerOf(c).ID
	project, err := s.platform.CreateProject(ctx, who, posted(c, "name"))
	if err != nil {
		return err
	}
	made, err := s.admin.CreatePlatform(ctx, who, project.ID, id.Test, "Test")
	if err != nil {
		return err
	}
	affects(c, string(project.ID))
	return s.done(c, "/platforms/"+string(made.ID), flash{
		Title: "The project " + project.Name + " is ready", Message: "It has a test platform to begin with. Create a secret key to make the first call.",
	})
}

func (s *Server) renameOwnProject(c echo.Context) error {
	project, err := s.platform.RenameProject(c.Request().Context(), developerOf(c).ID, c.Param("project"), posted(c, "name"))
	if err != nil {
		return err
	}
	next := "/projects"
	if back := posted(c, "back"); back != "" {
		next = ownPath(back)
	}
	return s.done(c, next, flash{Title: "The project is called " + project.Name})
}

func (s *Server) addPlatform(c echo.Context) error {
	made, err := s.admin.CreatePlatform(c.Request().Context(), developerOf(c).ID, id.Project(c.Param("project")),
		id.Mode(posted(c, "mode")), posted(c, "name"))
	if err != nil {
		return err
	}
	affects(c, string(made.ID))
	next := "/platforms/" + string(made.ID)
	if made.Mode == id.Live {
		next += "/setup"
	}
	return s.done(c, next, flash{Title: "The platform " + made.Name + " is ready"})
}
